package scenario

import (
	_ "embed"
	"slices"
)

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema of scenario files, for editors. It describes what
// files can look like; only Parse finds steps and expectations that cannot happen.
func Schema() []byte { return slices.Clone(schema) }
