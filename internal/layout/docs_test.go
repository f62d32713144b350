package layout

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const docsFile = "../../docs/layouts.md"

// TestDocs wants docs/layouts.md to list every built-in layout as its rule says it is.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	got := between(t, between(t, string(page), "table", docsTable()), "notes", docsNotes())
	if *update {
		if err := os.WriteFile(docsFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != string(page) {
		t.Errorf("%s is not what builtin.yaml says: run this test with -update", docsFile)
	}
}

// between replaces the text between the comments with a word in a page.
func between(t *testing.T, page, word, text string) string {
	t.Helper()
	begin, end := "<!-- "+word+" -->\n", "<!-- end of "+word+" -->\n"
	before, rest, ok := strings.Cut(page, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no %q", docsFile, begin)
	}
	return before + begin + text + end + after
}

// rulesInOrder are the built-in rules in the order of the file.
func rulesInOrder() []*Rule { return parseBuiltin() }

func docsTable() string {
	var b strings.Builder
	b.WriteString("| layout | software | key | kind | owner | waiters | release |\n|---|---|---|---|---|---|---|\n")
	for _, r := range rulesInOrder() {
		if r.Kind == Ignore {
			continue
		}
		kind := string(r.Kind)
		if r.Hidden {
			kind += ", hidden"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", r.Name, r.About, docsKeys(r), kind, docsOwner(r), docsWaiters(r), docsRelease(r))
	}
	b.WriteString("\nNot locks, although they look like some:\n\n| layout | software | key |\n|---|---|---|\n")
	for _, r := range rulesInOrder() {
		if r.Kind == Ignore {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.Name, r.About, docsKeys(r))
		}
	}
	return b.String()
}

func docsKeys(r *Rule) string {
	var all []string
	for _, k := range r.keys {
		all = append(all, "`"+k.text+"`")
	}
	return strings.Join(all, " ")
}

func docsOwner(r *Rule) string {
	switch {
	case r.owner.recorded:
		return "host, process, program, label"
	case r.Kind == Semaphore:
		return "the holders in the value"
	case r.owner.isZero():
		return "not recorded"
	}
	var all []string
	for _, part := range []struct {
		name string
		t    template
	}{{"host", r.owner.host}, {"process", r.owner.pid}, {"program", r.owner.program}, {"label", r.owner.label}, {"time", r.owner.time}} {
		if part.t != nil {
			all = append(all, part.name)
		}
	}
	text := strings.Join(all, ", ")
	if text == "label" {
		text = "the value"
		if r.value.form == ProtobufValue || r.value.form == JSONValue || r.value.pattern != nil && r.Kind != RW {
			text = "named in the value"
		}
		if slices.ContainsFunc(r.owner.label.names(), func(name string) bool { return r.keys[0].index(name) >= 0 }) {
			text = "named in the key"
		}
	}
	if len(r.info) > 0 {
		text += ", or a key beside it"
	}
	return text
}

func docsWaiters(r *Rule) string {
	text := "not recorded"
	switch {
	case r.Waiters:
		text = "recorded"
	case r.Polls:
		text = "not recorded; they leave leases without keys"
	}
	if r.candidates != nil {
		text += "; candidates are"
	}
	return text
}

func docsRelease(r *Rule) string {
	switch r.Release.How {
	case Revoke:
		return "the lease is revoked"
	case Delete:
		return "the key is deleted"
	case Refuse:
		return "refused: " + r.Release.Why
	}
	var command strings.Builder
	for _, p := range r.Release.command {
		if p.name == "" {
			command.WriteString(p.literal)
		} else {
			command.WriteString(strings.ToUpper(p.name))
		}
	}
	return "`" + command.String() + "`"
}

func docsNotes() string {
	var b strings.Builder
	for _, r := range rulesInOrder() {
		notes := r.Notes
		if len(r.Release.Dead) > 0 {
			notes = append(slices.Clone(notes), "Where the holder may be dead: "+strings.Join(r.Release.Dead, "; ")+".")
		}
		if len(notes) > 0 {
			fmt.Fprintf(&b, "- **%s.** %s\n", r.Name, strings.Join(notes, " "))
		}
	}
	return b.String()
}

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestDocsExamples wants every rule in the page to be one that is read, and those of the
// worked examples to find the keys that the page has beside them.
func TestDocsExamples(t *testing.T) {
	page, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	var rules []*Rule
	for _, m := range yamlBlock.FindAllStringSubmatch(string(page), -1) {
		more, err := Parse("layouts.md", []byte(m[1]))
		if err != nil {
			t.Fatalf("%v in\n%s", err, m[1])
		}
		rules = append(rules, more...)
	}
	s, err := With(rules...)
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range []KV{
		{Key: "/cron/lock/backup", Value: []byte("web-1"), Lease: 7},
		{Key: "my-app/locks/report", Lease: 7},
		{Key: "/myapp/locks/reindex", Value: []byte(`{"host":"web-1","pid":4711,"job":"reindex","since":"2026-08-22T09:15:00Z","lease":7}`), Lease: 7},
		{Key: "app/nightly", Value: []byte("\x6c\xe1\xb6\xb2\xea\xb5\x11\xf1\xb5\x25\x02\x00\x5e\x10\x00\x01"), Lease: 7},
		{Key: "/cronsun/lock/17", Lease: 7},
		{Key: "/camel/route-1", Value: []byte("billing"), Lease: 7},
	} {
		m, ok := s.Match(kv, noLeases)
		if !ok || m.Rule.BuiltIn {
			t.Errorf("no rule of the page finds %q", kv.Key)
		}
	}
}
