// Package schematest checks files of YAML with a JSON Schema, and the schema with the parser
// of the files, for tests.
package schematest

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Schema is a JSON Schema.
type Schema struct {
	schema *jsonschema.Schema
	doc    any // the schema as a document
}

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
	return Schema{schema: s, doc: doc}
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

// At returns the part of the schema that keys of objects and indexes of lists lead to.
func (s Schema) At(path ...any) any {
	node := s.doc
	for _, step := range path {
		switch step := step.(type) {
		case string:
			node = node.(map[string]any)[step]
		case int:
			node = node.([]any)[step]
		}
	}
	return node
}

// Words returns the texts in the list that a path leads to.
func (s Schema) Words(path ...any) (words []string) {
	for _, w := range s.At(path...).([]any) {
		words = append(words, w.(string))
	}
	return words
}

// WantFields fails the test unless the object that a path leads to has the fields of a
// document of the parser, a struct with tags, but for some that the schema leaves out.
func (s Schema) WantFields(t *testing.T, doc any, left []string, path ...any) {
	t.Helper()
	var want []string
	for _, f := range reflect.VisibleFields(reflect.TypeOf(doc)) {
		if tag := f.Tag.Get("yaml"); !slices.Contains(left, tag) {
			want = append(want, tag)
		}
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(s.At(path...).(map[string]any))); !slices.Equal(got, want) {
		t.Errorf("schema has %q, the parser %q", got, want)
	}
}

// WantWords fails the test unless a schema and its parser know the same words.
func WantWords[T ~string](t *testing.T, schema []string, parser []T) {
	t.Helper()
	var want []string
	for _, w := range parser {
		want = append(want, string(w))
	}
	slices.Sort(want)
	if got := slices.Sorted(slices.Values(schema)); !slices.Equal(got, want) {
		t.Errorf("schema has %q, the parser %q", got, want)
	}
}
