package scenario

import (
	_ "embed"
	"slices"
)

//go:embed schema.json
var schema []byte

// Schema is the JSON Schema of scenario files, from which editors complete them.
// It knows what a file can look like; what can come true, only Parse knows.
func Schema() []byte { return slices.Clone(schema) }
