// Package schematest checks files of YAML with a JSON Schema, for tests.
package schematest

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Schema is a JSON Schema.
type Schema struct{ schema *jsonschema.Schema }

// Compile compiles a schema, or fails the test.
func Compile(t *testing.T, text []byte) Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return Schema{s}
}

// Validate returns what the schema says of a file.
func (s Schema) Validate(t *testing.T, file []byte) error {
	t.Helper()
	var read any
	if err := yaml.Unmarshal(file, &read); err != nil { // YAMLToJSON writes what is no JSON
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(read)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return s.schema.Validate(value)
}
