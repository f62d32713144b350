// Package layouts is what the command layouts does: it lists, explains and checks layouts of
// locks.
package layouts

import (
	"context"
	"strconv"
	"strings"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
)

// ListOptions are the options of List.
type ListOptions struct {
	Prefixes []string
	Connect  func(context.Context) (*connect.Conn, error)
	Reach    func(context.Context, *connect.Conn, []string) ([]string, error) // the prefixes to read, of those
	Out      output.Printer
}

type layoutsDoc struct {
	Prefixes       []string    `json:"prefixes"`
	PrefixesBase64 []string    `json:"prefixes_base64,omitempty"`
	Revision       int64       `json:"revision"`
	Layouts        []layoutDoc `json:"layouts"`
}

type layoutDoc struct {
	Name    string   `json:"name"`
	About   string   `json:"about"`
	Kind    string   `json:"kind"`
	Keys    []string `json:"keys"`
	Waiters string   `json:"waiters"`
	Release string   `json:"release"`
	BuiltIn bool     `json:"built_in"`
	Hidden  bool     `json:"hidden,omitempty"`
	Locks   *int     `json:"locks,omitempty"`
	Sources []string `json:"sources,omitempty"`
}

// List prints the layouts, and how many locks of each there are below prefixes.
func List(ctx context.Context, opts *ListOptions) error {
	c, err := opts.Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	prefixes, err := opts.Reach(ctx, c, opts.Prefixes)
	if err != nil {
		return err
	}
	s, err := c.Snapshot(ctx, 0, prefixes...)
	if err != nil {
		return err
	}
	doc := newLayoutsDoc(s, c.Source.Layouts())
	if opts.Out.Format == output.JSON {
		return opts.Out.Document(doc)
	}
	return doc.table(opts.Out)
}

func newLayoutsDoc(s inspect.Snapshot, rules *layout.Set) layoutsDoc {
	locks := map[*layout.Rule]int{}
	for _, l := range s.Locks {
		locks[l.ID.Layout]++
	}
	doc := layoutsDoc{
		Prefixes: append([]string{}, s.Prefixes...), PrefixesBase64: output.Base64s(s.Prefixes),
		Revision: s.Revision, Layouts: []layoutDoc{},
	}
	for _, r := range rules.Rules() {
		d := layoutDoc{
			Name: r.Name, About: r.About, Kind: string(r.Kind), Keys: r.Patterns(), Waiters: waitersWord(r),
			Release: string(r.Release.How), BuiltIn: r.BuiltIn, Hidden: r.Hidden, Sources: r.Sources,
		}
		if n := locks[r]; r.Kind != layout.Ignore && (!r.Hidden || n > 0) {
			d.Locks = &n
		}
		doc.Layouts = append(doc.Layouts, d)
	}
	return doc
}

func waitersWord(r *layout.Rule) string {
	switch {
	case r.Waiters:
		return "recorded"
	case r.Polls:
		return "leases"
	default:
		return "unrecorded"
	}
}

// table prints the layouts whose locks there are first.
func (d layoutsDoc) table(out output.Printer) error {
	var found, others [][]output.Cell
	for _, l := range d.Layouts {
		locks := "-"
		if l.Locks != nil {
			locks = strconv.Itoa(*l.Locks)
		}
		row := output.Row(l.Name, l.Kind, locks, strings.Join(l.Keys, " "), l.About)
		if l.Locks != nil && *l.Locks > 0 {
			found = append(found, row)
		} else {
			others = append(others, row)
		}
	}
	return out.Table([]string{"NAME", "KIND", "LOCKS", "KEYS", "ABOUT"}, append(found, others...))
}
