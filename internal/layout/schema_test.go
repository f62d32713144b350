package layout

import (
	"os"
	"slices"
	"testing"

	"etcd-lock/internal/yamlfile/schematest"
)

func TestSchemaKnowsTheFormat(t *testing.T) {
	s := schematest.Compile(t, Schema())
	everything, err := os.ReadFile("testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse("everything.yaml", everything); err != nil {
		t.Error(err)
	}
	for _, data := range [][]byte{builtinYAML, builtinJSON, everything} {
		if err := s.Validate(t, data); err != nil {
			t.Error(err)
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	s := schematest.Compile(t, Schema())
	layouts := func(fields string) string { return "layouts: [{name: n, kind: single, key: '/a/{x}', " + fields + "}]" }
	for _, tt := range []struct {
		name, data string
		ok         bool
	}{
		{"OK", layouts("lease: required, value: {is: uuid, version: 1}, release: {how: delete}"), true},
		{"NoLayouts", "layouts: []", false},
		{"UnknownField", layouts("keys: []"), false},
		{"UnknownKind", "layouts: [{name: n, kind: double, key: a}]", false},
		{"NoKey", "layouts: [{name: n, kind: single}]", false},
		{"KeyOfRW", "layouts: [{name: n, kind: rw, key: a, read: a, write: b, lock: l}]", false},
		{"ReadOfSingle", layouts("read: /b"), false},
		{"Name", "layouts: [{name: N N, kind: single, key: a}]", false},
		{"UnknownForm", layouts("value: {is: xml}"), false},
		{"UnknownPartOfAnOwner", layouts("owner: {user: a}"), false},
		{"RecordWithoutHolder", layouts("record: {renewed: a}"), false},
		{"UnknownRelease", layouts("release: {how: wait}"), false},
		{"HiddenIsAText", layouts("hidden: maybe"), false},
	} {
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
	rule := []any{"$defs", "layout", "properties"}
	for _, tt := range []struct {
		name string
		doc  any
		at   []any
	}{
		{"file", fileDoc{}, []any{"properties"}},
		{"layout", ruleDoc{}, rule},
		{"value", valueDoc{}, []any{"$defs", "value", "properties"}},
		{"info", infoDoc{}, append(slices.Clone(rule), "info", "items", "properties")},
		{"record", recordDoc{}, append(slices.Clone(rule), "record", "properties")},
		{"semaphore", slotsDoc{}, append(slices.Clone(rule), "semaphore", "properties")},
		{"candidates", candidatesDoc{}, append(slices.Clone(rule), "candidates", "properties")},
		{"release", releaseDoc{}, append(slices.Clone(rule), "release", "properties")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.WantFields(t, tt.doc, nil, tt.at...)
		})
	}
	t.Run("words", func(t *testing.T) {
		schematest.WantWords(t, s.Words(append(rule, "kind", "enum")...), kinds)
		schematest.WantWords(t, s.Words(append(rule, "lease", "enum")...), []leaseCondition{leaseAny, leaseRequired, leaseNone})
		schematest.WantWords(t, s.Words(append(rule, "release", "properties", "how", "enum")...), hows)
		schematest.WantWords(t, s.Words("$defs", "value", "properties", "is", "enum"), forms)
	})
}
