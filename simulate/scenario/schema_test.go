package scenario

import (
	"encoding/json"
	"maps"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"etcd-lock/internal/yamlfile/schematest"
)

func TestSchemaKnowsTheFormat(t *testing.T) {
	s := schematest.Compile(t, Schema())
	everything, err := os.ReadFile("testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(t, everything); err != nil {
		t.Error(err)
	}
	entries, err := files.ReadDir("scenarios")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := files.ReadFile(path.Join("scenarios", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(t, data); err != nil {
			t.Errorf("%s: %v", e.Name(), err)
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	s := schematest.Compile(t, Schema())
	file := func(step string) string { return "name: n\nclients: [{name: c, steps: [" + step + "]}]\n" }
	tests := []struct {
		name, data string
		ok         bool
	}{
		{"OK", file("{read: /a, expect: [waiting, granted]}, pause, {wait: {from: 1s, to: 2s}}, crash"), true},
		{"unknown word", file("jump"), false},
		{"unknown field", file("{rlock: /a}"), false},
		{"two things", file("{read: /a, write: /b}"), false},
		{"no unit", file("{wait: 5}"), false},
		{"half a random duration", file("{wait: {from: 1s}}"), false},
		{"unknown outcome", file("{read: /a, expect: fine}"), false},
		{"no clients", "name: n\n", false},
		{"fault without a time", file("close") + "faults: [{kill: 1}]\n", false},
		{"unknown moment", file("close") + "expect: {order: [[born c, closed c]]}\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := s.Validate(t, []byte(tt.data)); (err == nil) != tt.ok {
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
	at := func(keys ...any) any {
		var node any = root
		for _, k := range keys {
			switch k := k.(type) {
			case string:
				node = node.(map[string]any)[k]
			case int:
				node = node.([]any)[k]
			}
		}
		return node
	}
	step := []any{"$defs", "step", "anyOf", 1, "properties"}
	tests := []struct {
		name string
		doc  any
		at   []any
	}{
		{"scenario", document{}, []any{"properties"}},
		{"client", clientDoc{}, []any{"$defs", "client", "properties"}},
		{"step", stepDoc{}, step},
		{"together", togetherDoc{}, append(slices.Clone(step), "together", "properties")},
		{"waits", boundsDoc{}, append(slices.Clone(step), "waits", "properties")},
		{"fault", faultDoc{}, []any{"$defs", "fault", "properties"}},
		{"expect", expectDoc{}, []any{"$defs", "expectations", "properties"}},
		{"duration", spanDoc{}, []any{"$defs", "duration", "anyOf", 1, "properties"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := slices.Sorted(maps.Keys(at(tt.at...).(map[string]any)))
			if want := tags(tt.doc); !slices.Equal(got, want) {
				t.Errorf("schema has %q, the parser %q", got, want)
			}
		})
	}
	t.Run("words", func(t *testing.T) {
		wantWords(t, at("$defs", "step", "anyOf", 0, "enum"), []Action{Pause, Resume, Crash, Close})
		wantWords(t, at("$defs", "outcome", "enum"), outcomes())
		pattern := at("$defs", "expectations", "properties", "order", "items", "items", "pattern").(string)
		words, _, _ := strings.Cut(strings.TrimPrefix(pattern, "^("), ")")
		var all []any
		for w := range strings.SplitSeq(words, "|") {
			all = append(all, w)
		}
		wantWords(t, all, moments())
	})
}

// tags are the fields of a document as a file has them.
func tags(doc any) []string {
	var all []string
	for _, f := range reflect.VisibleFields(reflect.TypeOf(doc)) {
		if tag := f.Tag.Get("yaml"); tag != "" {
			all = append(all, tag)
		}
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
	slices.Sort(got)
	want = slices.Clone(want)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("schema has %q, the parser %q", got, want)
	}
}
