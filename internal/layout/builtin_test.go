package layout

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
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

// TestBuiltinRules wants each built-in rule to say what it is about and where that was
// read, and no quotes around what a command has from a lock's name, which has its own.
func TestBuiltinRules(t *testing.T) {
	for _, r := range Builtin().Rules() {
		if r.About == "" || len(r.Sources) == 0 || !r.BuiltIn {
			t.Errorf("%s: about %q, sources %q", r.Name, r.About, r.Sources)
		}
		for _, source := range r.Sources {
			if !strings.HasPrefix(source, "https://") && r != Semaphores {
				t.Errorf("%s: source %q is no address", r.Name, source)
			}
		}
		for _, note := range r.Notes {
			if !strings.HasSuffix(note, ".") {
				t.Errorf("%s: the note %q is no sentence", r.Name, note)
			}
		}
		for _, p := range r.Release.command {
			if strings.ContainsAny(p.literal, `'"`) {
				t.Errorf("%s: quotes in the command at %q", r.Name, p.literal)
			}
		}
		if r.evidence() == 5 && r.Name != "rwlock" {
			t.Errorf("%s has no evidence but the names of keys", r.Name)
		}
	}
}
