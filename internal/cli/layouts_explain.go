package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/format"
	"etcd-lock/internal/layout"
)

const explainLong = `Says what KEY is: the lock that it is a request for, by which layout and by what
evidence, and why the other layouts whose patterns it matches do not count. With --all,
it also says why each of the rest does not match.

With -o json:
  key, key_base64     as given
  lease               16 hex digits; absent when there is none
  revision            of the answer
  lock, layout        that it is a request for; absent when it is none
  verdicts            of layouts, the one that counts first:
    layout            name
    matched           whether the key is one of it, or a candidate for a lock of it
    decides           this layout says what the key is
    candidate         of a candidate: its name
    lock              that it is a candidate for
    evidence          clauses
    problem           why it does not match`

// explainOptions are the options of layouts explain.
type explainOptions struct {
	key     string
	all     bool
	connect func(context.Context) (*connect.Conn, error)
	out     output.Printer
}

func newLayoutsExplainCmd(a *app) *cobra.Command {
	opts := &explainOptions{}
	cmd := &cobra.Command{
		Use:     "explain KEY",
		Short:   "Say which layout a key is of, by what evidence, and why the others do not match",
		Long:    explainLong,
		Example: "  etcd-lock layouts explain /service/demo/leader",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.key, opts.connect, opts.out = args[0], a.connect, a.printer()
			return runResult(explainRun(cmd.Context(), opts))
		},
	}
	cmd.Flags().BoolVar(&opts.all, "all", false, "also say why layouts do not match whose patterns the key does not match")
	return cmd
}

type explainDoc struct {
	Key       string       `json:"key"`
	KeyBase64 string       `json:"key_base64,omitempty"`
	Lease     string       `json:"lease,omitempty"`
	Revision  int64        `json:"revision"`
	Lock      string       `json:"lock,omitempty"`
	Layout    string       `json:"layout,omitempty"`
	Verdicts  []verdictDoc `json:"verdicts"`
}

type verdictDoc struct {
	Layout    string   `json:"layout"`
	Matched   bool     `json:"matched"`
	Decides   bool     `json:"decides"`
	Candidate string   `json:"candidate,omitempty"`
	Lock      string   `json:"lock,omitempty"`
	Evidence  []string `json:"evidence,omitempty"`
	Problem   string   `json:"problem,omitempty"`

	kind   layout.Kind
	hidden bool
}

func explainRun(ctx context.Context, opts *explainOptions) error {
	c, err := opts.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	var doc explainDoc
	err = c.Do(ctx, func(ctx context.Context) error {
		doc, err = explainKey(ctx, c, opts)
		return err
	})
	if err != nil {
		return err
	}
	if opts.out.Format == output.JSON {
		return opts.out.Document(doc)
	}
	return doc.write(opts.out)
}

// explainKey reads a key, and what its layouts need to know of other keys, at one revision.
func explainKey(ctx context.Context, c *connect.Conn, opts *explainOptions) (explainDoc, error) {
	got, err := c.Client.Get(ctx, opts.key)
	if err != nil {
		return explainDoc{}, fmt.Errorf("read the key: %w", err)
	}
	if len(got.Kvs) == 0 {
		return explainDoc{}, fmt.Errorf("no key %q", opts.key)
	}
	kv := got.Kvs[0]
	doc := explainDoc{Key: opts.key, KeyBase64: output.Base64(opts.key), Revision: got.Header.Revision, Verdicts: []verdictDoc{}}
	if kv.Lease != 0 {
		doc.Lease = format.Lease(kv.Lease)
	}
	leases := func(key string) (int64, bool) {
		sibling, readErr := c.Client.Get(ctx, key, clientv3.WithRev(got.Header.Revision))
		if readErr != nil || len(sibling.Kvs) == 0 {
			err = readErr
			return 0, false
		}
		return sibling.Kvs[0].Lease, true
	}
	of := layout.KV{Key: opts.key, Value: kv.Value, Lease: kv.Lease}
	rules := c.Source.Layouts()
	if m, ok := rules.Match(of, leases); ok {
		doc.Lock, doc.Layout = m.Lock, m.Rule.Name
	}
	for _, v := range rules.Explain(of, leases) {
		if v.Named || opts.all {
			doc.Verdicts = append(doc.Verdicts, newVerdictDoc(v))
		}
	}
	return doc, err
}

func newVerdictDoc(v layout.Verdict) verdictDoc {
	d := verdictDoc{
		Layout: v.Rule.Name, Matched: v.Matched, Decides: v.Decides, Evidence: v.Evidence, Problem: v.Problem,
		kind: v.Rule.Kind, hidden: v.Rule.Hidden,
	}
	if v.Candidate != nil {
		d.Candidate, d.Lock = v.Candidate.Name, v.Candidate.Lock
	}
	return d
}

func (d explainDoc) write(out output.Printer) error {
	t := lineWriter{out: out}
	head := d.Key + " is no lock request"
	if d.Layout != "" {
		head = d.Key + " is a request for " + format.Name(d.Lock) + " (" + d.Layout + ")"
	}
	t.line("", head)
	for _, v := range d.Verdicts {
		t.line("  ", append([]string{v.headline()}, v.Evidence...)...)
	}
	return t.err
}

func (v verdictDoc) headline() string {
	switch {
	case v.Candidate != "":
		return v.Layout + ": candidate " + v.Candidate + " for " + format.Name(v.Lock)
	case !v.Matched:
		return v.Layout + " does not match: " + v.Problem
	case v.kind == layout.Ignore && v.Decides:
		return v.Layout + " says that it is no lock, although it looks like one"
	case v.hidden && v.Decides:
		return v.Layout + " matches; locks of this layout are shown with --hidden only"
	case v.Decides:
		return v.Layout + " matches"
	default:
		return v.Layout + " matches too, and counts less"
	}
}
