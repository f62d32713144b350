package app

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"etcd-lock/internal/inspect"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/backend/backendtest"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/screens"
	"etcd-lock/tui/widget"
)

// marked is a part of a document between <!-- keys: NAME --> and <!-- end -->.
var marked = regexp.MustCompile(`(?s)(<!-- keys: ([a-z ]+) -->\n).*?(<!-- end -->)`)

// The tables of keys in the documentation are those of the bindings. -update
// writes them.
func TestKeysAreDocumented(t *testing.T) {
	tables := keyTables(t)
	used := map[string]bool{}
	for _, path := range []string{"../../docs/tui.md", "../../README.md"} {
		old, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := marked.ReplaceAllStringFunc(string(old), func(part string) string {
			m := marked.FindStringSubmatch(part)
			table, ok := tables[m[2]]
			if !ok {
				t.Errorf("%s: there are no keys %q", path, m[2])
			}
			used[m[2]] = true
			return m[1] + table + m[3]
		})
		if updating() {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if text != string(old) {
			t.Errorf("%s lags behind the keys; make golden writes them", path)
		}
	}
	for name := range tables {
		if !used[name] {
			t.Errorf("the keys %q are documented nowhere", name)
		}
	}
}

// keyTables are tables of keys in Markdown, by name: those of everywhere, of each
// screen, the most used, and the dangerous ones.
func keyTables(t *testing.T) map[string]string {
	t.Helper()
	c := backendtest.NewCluster(newClock().Now)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nothing is run
	m := New(ctx, backend.Options{
		Source: c, Locker: c, Releaser: &backendtest.Releaser{Cluster: c}, Past: &backendtest.History{Cluster: c},
		Scenarios: backendtest.Scenarios{}, Recorder: backendtest.Recorder(nil),
	})
	tables, danger := map[string]string{}, ""
	for kind := nav.KindLocks; kind <= nav.LastKind; kind++ {
		s := screens.New(m.Context, nav.Ref{Kind: kind, Lock: inspect.LockID{Name: "/a"}})
		own := slices.DeleteFunc(s.Bindings(), func(g widget.Group) bool { return g.Title == "move" || g.Title == "sort" })
		var keys []widget.Binding
		for _, g := range own {
			if g.Title == screens.DangerTitle {
				for _, b := range g.Bindings {
					danger += fmt.Sprintf("| `%s` | %s | %s |\n", b.Name(), kind, b.Doc)
				}
				continue
			}
			keys = append(keys, g.Bindings...)
		}
		if len(keys) > 0 {
			tables[kind.String()] = keyTable(keys, docText)
		}
	}
	tables["danger"] = "| key | screen | |\n|---|---|---|\n" + danger
	everywhere := slices.Concat(m.keys[0].Bindings, m.keys[2].Bindings, m.keys[3].Bindings, m.keys[1].Bindings)
	locks := m.screens.Views[nav.KindLocks].Bindings()
	for _, g := range locks {
		if g.Title == "move" || g.Title == "sort" {
			everywhere = append(everywhere, slices.DeleteFunc(slices.Clone(g.Bindings), func(b widget.Binding) bool {
				return strings.HasPrefix(b.Short, "sort by ") && !strings.Contains(b.Short, "column")
			})...)
		}
	}
	tables["everywhere"] = keyTable(everywhere, docText)
	tables["most used"] = keyTable(only(slices.Concat(m.keys[2].Bindings, m.keys[0].Bindings, locks[0].Bindings, locks[1].Bindings),
		"?", "q", "1", "2", "3", "4", "5", "6", "7", "8", "tab", "enter", "esc", "/", "r", "w", "u", "n", "m", "y", "e", "space", ":"), briefText)
	return tables
}

// only are those of the bindings that have one of these names.
func only(bindings []widget.Binding, names ...string) []widget.Binding {
	return slices.DeleteFunc(bindings, func(b widget.Binding) bool { return !slices.Contains(names, b.Name()) })
}

// keyTable has a row for each binding. Bindings that are described alike share
// one.
func keyTable(bindings []widget.Binding, describe func(widget.Binding) string) string {
	rows := "| key | |\n|---|---|\n"
	for i := 0; i < len(bindings); {
		names, text := []string{}, describe(bindings[i])
		for ; i < len(bindings) && describe(bindings[i]) == text; i++ {
			if name := bindings[i].Name(); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		rows += fmt.Sprintf("| %s | %s |\n", keyNames(names), strings.ReplaceAll(text, "|", "\\|"))
	}
	return rows
}

// briefText is docText without what only the guide has to say.
func briefText(b widget.Binding) string {
	if b.Long == "" {
		return docText(b)
	}
	return b.Text()
}

func docText(b widget.Binding) string {
	if b.Doc != "" {
		return b.Doc
	}
	return b.Text()
}

// keyNames lists keys, of which the numbers of views and the function keys are a range.
func keyNames(names []string) string {
	var list []string
	if last := len(names) - 1; strings.HasPrefix(names[0], "F") && last > 1 {
		return "`" + names[0] + "` … `" + names[last] + "`"
	}
	for i, n := range names {
		number := len(n) == 1 && n >= "1" && n <= "9"
		switch {
		case number && n == "2":
			list = append(list[:len(list)-1], list[len(list)-1]+" … ")
		case number && i > 0 && n != "8":
		case number && n == "8":
			list[len(list)-1] += "`8`"
		default:
			list = append(list, "`"+strings.ReplaceAll(n, "/", "` `")+"`")
		}
	}
	return strings.ReplaceAll(strings.Join(list, ", "), "`` ``", "`/`")
}
