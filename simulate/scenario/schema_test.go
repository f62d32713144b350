package scenario

import (
	"os"
	"path"
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
		{"slot", file("{slot: /a}, {unlock: /a}, {slot: {name: /a, weight: 2}}, {together: {slot: [/a, {name: /b}]}}"), true},
		{"slot without a name", file("{slot: {weight: 2}}"), false},
		{"weight of zero", file("{slot: {name: /a, weight: 0}}"), false},
		{"semaphore without permits", file("close") + "semaphores: [{name: /a}]\n", false},
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
	s := schematest.Compile(t, Schema())
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
		{"semaphore", semaphoreDoc{}, []any{"$defs", "semaphore", "properties"}},
		{"slot", slotDoc{}, []any{"$defs", "slot", "anyOf", 1, "properties"}},
		{"waits", boundsDoc{}, append(slices.Clone(step), "waits", "properties")},
		{"fault", faultDoc{}, []any{"$defs", "fault", "properties"}},
		{"expect", expectDoc{}, []any{"$defs", "expectations", "properties"}},
		{"duration", spanDoc{}, []any{"$defs", "duration", "anyOf", 1, "properties"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.WantFields(t, tt.doc, []string{""}, tt.at...) // places have no tags
		})
	}
	t.Run("words", func(t *testing.T) {
		schematest.WantWords(t, s.Words("$defs", "step", "anyOf", 0, "enum"), []Action{Pause, Resume, Crash, Close})
		schematest.WantWords(t, s.Words("$defs", "outcome", "enum"), outcomes())
		pattern := s.At("$defs", "expectations", "properties", "order", "items", "items", "pattern").(string)
		words, _, _ := strings.Cut(strings.TrimPrefix(pattern, "^("), ")")
		schematest.WantWords(t, strings.Split(words, "|"), moments())
	})
}
