package config

import (
	_ "embed"
	"slices"
)

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema of configuration files, for editors. Only Parse finds names
// that are not known, and files that do not fit together.
func Schema() []byte { return slices.Clone(schema) }
