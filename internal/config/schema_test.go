package config

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"etcd-lock/internal/yamlfile/schematest"
)

func TestSchemaKnowsTheFormat(t *testing.T) {
	data, err := os.ReadFile(everything)
	if err != nil {
		t.Fatal(err)
	}
	if err := schematest.Compile(t, Schema()).Validate(t, data); err != nil {
		t.Error(err)
	}
}

func TestSchemaRefuses(t *testing.T) {
	s := schematest.Compile(t, Schema())
	context := func(fields string) string { return "contexts: {a: {endpoints: [a], " + fields + "}}" }
	for _, tt := range []struct {
		name, file string
		ok         bool
	}{
		{"OK", context("user: ops, password-file: f"), true},
		{"Password", context("user: 'ops:secret'"), false},
		{"UnknownField", context("password: x"), false},
		{"CertWithoutKey", context("cert: f"), false},
		{"Colour", context("colour: pink"), false},
		{"Duration", context("dial-timeout: soon"), false},
		{"NoEtcd", "contexts: {a: {user: ops}}", false},
		{"Screen", "keys: {lcoks: {e: E}}", false},
		{"Command", "commands: [{key: P, name: n, run: x}]", true},
		{"NoProgram", "commands: [{key: P, name: n}]", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := s.Validate(t, []byte(tt.file)); (err == nil) != tt.ok {
				t.Errorf("schema says %v", err)
			}
		})
	}
}

// TestSchemaAgreesWithTheParser wants both to know the same fields and words.
func TestSchemaAgreesWithTheParser(t *testing.T) {
	s := schematest.Compile(t, Schema())
	for _, tt := range []struct {
		name string
		doc  any
		at   []any
		less []string // what the parser knows only to refuse it
	}{
		{"file", fileDoc{}, []any{"properties"}, nil},
		{"context", contextDoc{}, []any{"$defs", "context", "properties"}, []string{"auth-jwt-token", "password"}},
		{"command", commandDoc{}, []any{"$defs", "command", "properties"}, nil},
		{"prompt", promptDoc{}, []any{"$defs", "command", "properties", "prompts", "items", "properties"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.WantFields(t, tt.doc, tt.less, tt.at...)
		})
	}
	t.Run("words", func(t *testing.T) {
		wantWords(t, s.Words("$defs", "context", "properties", "colour", "enum"), Colours())
		wantWords(t, s.Words("$defs", "command", "properties", "screens", "items", "enum"), rowScreens())
		wantWords(t, s.Words("properties", "keys", "propertyNames", "enum"), append([]string{Everywhere}, Screens()...))
	})
}

// wantWords wants the words in one order too: it is that of the documents.
func wantWords[T ~string](t *testing.T, schema []string, want []T) {
	t.Helper()
	var got []T
	for _, w := range schema {
		got = append(got, T(w))
	}
	if !slices.Equal(got, want) {
		t.Errorf("schema has %q, the parser %q", got, want)
	}
}

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestDocsExamples wants every example of docs/config.md to be one that is read, by the
// parser and by the schema.
func TestDocsExamples(t *testing.T) {
	t.Setenv("HOME", t.TempDir()) // which the examples are in
	page, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	s := schematest.Compile(t, Schema())
	blocks := yamlBlock.FindAllSubmatch(page, -1)
	if len(blocks) == 0 {
		t.Fatal("no examples")
	}
	for _, m := range blocks {
		if _, err := Parse("config.md", m[1]); err != nil {
			t.Errorf("%v in\n%s", err, m[1])
		}
		if err := s.Validate(t, m[1]); err != nil {
			t.Errorf("%v in\n%s", err, m[1])
		}
	}
}
