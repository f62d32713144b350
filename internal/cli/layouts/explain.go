package layouts

import (
	"context"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/format"
	"etcd-lock/internal/hint"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/printable"
)

// ExplainOptions are the options of Explain.
type ExplainOptions struct {
	Key     string
	All     bool // also the layouts whose patterns the key does not match
	Connect func(context.Context) (*connect.Conn, error)
	Out     output.Printer
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

// Explain says what a key is, and why.
func Explain(ctx context.Context, opts *ExplainOptions) error {
	c, err := opts.Connect(ctx)
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
	if opts.Out.Format == output.JSON {
		return opts.Out.Document(doc)
	}
	return doc.write(opts.Out)
}

// explainKey reads a key, and what its layouts need to know of other keys, at one revision.
func explainKey(ctx context.Context, c *connect.Conn, opts *ExplainOptions) (explainDoc, error) {
	got, err := c.Client.Get(ctx, opts.Key)
	if err != nil {
		return explainDoc{}, fmt.Errorf("read the key: %w", err)
	}
	if len(got.Kvs) == 0 {
		return explainDoc{}, hint.Add(fmt.Errorf("no key %q", opts.Key), "keys are exact: "+c.Flags.EtcdctlLine("get", "--keys-only", "--prefix", "PREFIX")+" lists those below a prefix")
	}
	kv := got.Kvs[0]
	doc := explainDoc{Key: opts.Key, KeyBase64: output.Base64(opts.Key), Revision: got.Header.Revision, Verdicts: []verdictDoc{}}
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
	of := layout.KV{Key: opts.Key, Value: kv.Value, Lease: kv.Lease}
	rules := c.Source.Layouts()
	if m, ok := rules.Match(of, leases); ok {
		doc.Lock, doc.Layout = m.Lock, m.Rule.Name
	}
	for _, v := range rules.Explain(of, leases) {
		if v.Named || opts.All {
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
	head := d.Key + " is no lock request"
	if d.Layout != "" {
		head = d.Key + " is a request for " + format.Name(d.Lock) + " (" + d.Layout + ")"
	}
	err := out.Sentences("", output.Cell{}, head)
	for _, v := range d.Verdicts {
		if err == nil {
			err = out.EscapedSentences("  ", output.Cell{}, append([]string{v.headline()}, v.Evidence...)...)
		}
	}
	return err
}

func (v verdictDoc) headline() string {
	switch {
	case v.Candidate != "":
		return v.Layout + ": candidate " + printable.Text(v.Candidate) + " for " + printable.Text(format.Name(v.Lock))
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
