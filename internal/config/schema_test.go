package config

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
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
	var root map[string]any
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	at := func(keys ...string) any {
		var node any = root
		for _, k := range keys {
			node = node.(map[string]any)[k]
		}
		return node
	}
	for _, tt := range []struct {
		name string
		doc  any
		at   []string
		less []string // what the parser knows only to refuse it
	}{
		{"file", fileDoc{}, []string{"properties"}, nil},
		{"context", contextDoc{}, []string{"$defs", "context", "properties"}, []string{"auth-jwt-token", "password"}},
		{"command", commandDoc{}, []string{"$defs", "command", "properties"}, nil},
		{"prompt", promptDoc{}, []string{"$defs", "command", "properties", "prompts", "items", "properties"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := slices.Sorted(maps.Keys(at(tt.at...).(map[string]any)))
			want := slices.DeleteFunc(tags(tt.doc), func(name string) bool { return slices.Contains(tt.less, name) })
			if !slices.Equal(got, want) {
				t.Errorf("schema has %q, the parser %q", got, want)
			}
		})
	}
	t.Run("words", func(t *testing.T) {
		wantWords(t, at("$defs", "context", "properties", "colour", "enum"), Colours())
		wantWords(t, at("$defs", "command", "properties", "screens", "items", "enum"), rowScreens())
		wantWords(t, at("properties", "keys", "propertyNames", "enum"), append([]string{Everywhere}, Screens()...))
	})
}

func tags(doc any) []string {
	var all []string
	for _, f := range reflect.VisibleFields(reflect.TypeOf(doc)) {
		all = append(all, f.Tag.Get("yaml"))
	}
	slices.Sort(all)
	return all
}

func wantWords[T ~string](t *testing.T, schema any, want []T) {
	t.Helper()
	var got []T
	for _, w := range schema.([]any) {
		got = append(got, T(w.(string)))
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
