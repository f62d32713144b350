package layout

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the files that tests compare with")

// TestBuiltinForms wants builtin.json to say what builtin.yaml does. Every command reads
// the former, because reading YAML takes longer than the rest of its start.
func TestBuiltinForms(t *testing.T) {
	var doc fileDoc
	f, err := form.Decode("builtin.yaml", builtinYAML, &doc)
	if err != nil {
		t.Fatal(err)
	}
	r := reader{file: f}
	if r.rules(doc); r.err != nil {
		t.Fatal(r.err)
	}
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	if err := e.Encode(doc); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("builtin.json", want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(want.Bytes(), builtinJSON) {
		t.Error("builtin.json is not what builtin.yaml says: run this test with -update")
	}
}
