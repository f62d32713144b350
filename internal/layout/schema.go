package layout

import (
	_ "embed"
	"slices"
)

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema of files of rules, for editors. It describes what files
// can look like; only Parse finds patterns that cannot be matched and names that are not
// known.
func Schema() []byte { return slices.Clone(schema) }
