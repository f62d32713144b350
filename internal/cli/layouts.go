package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
)

const layoutsLong = `Lists the layouts that etcd-lock knows: how software keeps locks in etcd, and how many
locks of each there are below PREFIX. docs/layouts.md says more about each, and how to
write others: in FILE of --layouts, or in etcd-lock/layouts.yaml in the user's
configuration directory. --lock-keys is the short form for keys that are locks while
they exist.

With -o json:
  prefixes, prefixes_base64  as for ls
  revision            etcd revision of the counts
  layouts             sorted by name:
    name, about       of the layout
    kind              queue, single, record, semaphore, rw or ignore
    keys              patterns of its keys
    waiters           recorded; unrecorded; or leases: clients that wait leave leases
                      without keys
    release           revoke, delete, advise or refuse
    built_in          false: it is the user's
    hidden            true: its locks are shown with --hidden only
    locks             how many there are; absent for kind ignore and when hidden
    sources           where its keys are written`

// layoutsOptions are the options of layouts.
type layoutsOptions struct {
	prefixes []string
	connect  func(context.Context) (*connect.Conn, error)
	out      output.Printer
	err      io.Writer
}

func newLayoutsCmd(a *app, runF func(context.Context, *layoutsOptions) error) *cobra.Command {
	if runF == nil {
		runF = layoutsRun
	}
	cmd := &cobra.Command{
		Use:   "layouts [PREFIX...]",
		Short: "List the layouts of locks that are known, and how many locks of each there are",
		Long:  layoutsLong,
		Example: `  etcd-lock layouts
  etcd-lock layouts explain /locks/nightly
  etcd-lock layouts check my-layouts.yaml`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts := &layoutsOptions{prefixes: args, connect: a.connect, out: a.printer(), err: a.Err}
			return runResult(runF(cmd.Context(), opts))
		},
	}
	cmd.AddCommand(newLayoutsExplainCmd(a), newLayoutsCheckCmd(a), newLayoutsSchemaCmd(a))
	return cmd
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

func layoutsRun(ctx context.Context, opts *layoutsOptions) error {
	c, err := opts.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	prefixes, err := reach(ctx, c, opts.prefixes, opts.err)
	if err != nil {
		return err
	}
	s, err := c.Snapshot(ctx, 0, prefixes...)
	if err != nil {
		return err
	}
	doc := newLayoutsDoc(s, c.Source.Layouts())
	if opts.out.Format == output.JSON {
		return opts.out.Document(doc)
	}
	return doc.table(opts.out)
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

func newLayoutsCheckCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE...",
		Short: "Check files of layouts, without etcd",
		Long: `Checks files of layouts without connecting to etcd. It prints the layouts of each, or
what is wrong with it, by line and column.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return runResult(checkLayouts(a.printer(), args))
		},
	}
}

func checkLayouts(out output.Printer, files []string) error {
	for _, file := range files {
		rules, err := layout.ReadFile(file)
		if err == nil {
			_, err = layout.With(rules...)
		}
		if err != nil {
			return &connect.OptionError{Err: err}
		}
		var names []string
		for _, r := range rules {
			names = append(names, r.Name)
		}
		if err := out.Line(output.Cell{Text: file + ": " + format.Count(len(rules), "layout", "layouts") + ": " + strings.Join(names, ", ")}); err != nil {
			return err
		}
	}
	return nil
}

func newLayoutsSchemaCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of files of layouts, for editors",
		Long:  "Prints the JSON Schema of files of layouts, for editors.",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.Out, "%s", layout.Schema())
			return runResult(err)
		},
	}
}
