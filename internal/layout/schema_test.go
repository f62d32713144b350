package layout

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
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
	rule := []string{"$defs", "layout", "properties"}
	for _, tt := range []struct {
		name string
		doc  any
		at   []string
	}{
		{"file", fileDoc{}, []string{"properties"}},
		{"layout", ruleDoc{}, rule},
		{"value", valueDoc{}, []string{"$defs", "value", "properties"}},
		{"info", infoDoc{}, append(slices.Clone(rule), "info", "items", "properties")},
		{"record", recordDoc{}, append(slices.Clone(rule), "record", "properties")},
		{"semaphore", slotsDoc{}, append(slices.Clone(rule), "semaphore", "properties")},
		{"candidates", candidatesDoc{}, append(slices.Clone(rule), "candidates", "properties")},
		{"release", releaseDoc{}, append(slices.Clone(rule), "release", "properties")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := slices.Sorted(maps.Keys(at(tt.at...).(map[string]any)))
			if want := tags(tt.doc); !slices.Equal(got, want) {
				t.Errorf("schema has %q, the parser %q", got, want)
			}
		})
	}
	t.Run("words", func(t *testing.T) {
		wantWords(t, at(append(rule, "kind", "enum")...), kinds)
		wantWords(t, at(append(rule, "lease", "enum")...), []leaseCondition{leaseAny, leaseRequired, leaseNone})
		wantWords(t, at(append(rule, "release", "properties", "how", "enum")...), hows)
		wantWords(t, at("$defs", "value", "properties", "is", "enum"), forms)
	})
}

// tags are the fields of a document as a file has them.
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
	slices.Sort(got)
	want = slices.Clone(want)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("schema has %q, the parser %q", got, want)
	}
}
