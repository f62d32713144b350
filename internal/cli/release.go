package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/release"
)

var releaseLong = `Ends a request of another client, by force: one that holds a lock or waits for
it. What would go and who would be next is shown first, and asked for.

Say which:
  --key KEY          the request with this key, as show prints it
  --lease LEASE      the session with this lease, as show prints it: all of its keys
                     go, whatever they are for, and its client learns that it ended
  NAME --holder      who holds the lock NAME
  NAME --waiter N    who is at position N of its queue, as show numbers it
With --session, NAME means the whole session of that request.

What is shown is what is done, or nothing: the keys go in one transaction that
fails when any of them has changed meanwhile, or when a waiter may have come to
hold its lock. A lease is revoked after its keys have gone, unless its client
has put others meanwhile.

A client that is released by force may not know and go on with its work. Be sure
that it is dead, or that what it writes is fenced: see "No guarantee" in the
documentation of package rwlock. Those that use rwlock are told; etcdctl lock
lets its command run on.

With -o json:
  lease               of the session to end; absent for a request alone
  revision            etcd's revision that this is of
  gone                the requests that go:
` + indent(requestLong, "    ") + `
  others              keys of the session that are no lock requests
  granted             requests that hold their lock then, as above
  released            whether it was done
  released_revision   etcd's revision at which it was done; absent when not

The audit log gets one line of JSON for each attempt: time, user, host, pid,
etcd_user, etcd (the endpoints), reason, lease, released (the requests), others,
revision (absent when it failed), error.`

// releaseOptions are what release was asked for.
type releaseOptions struct {
	target   releaseTarget
	yes      bool
	dryRun   bool
	readOnly bool
	audit    string // file
	reason   string
	connect  func(context.Context) (*remote, error)
	in       io.Reader
	out      printer
	err      io.Writer
	now      func() time.Time
}

// releaseTarget says what is to be released, in one of its ways.
type releaseTarget struct {
	key     string
	lease   string
	name    string
	holder  bool
	waiter  int
	session bool // all of the session of the request that name, holder and waiter choose
}

func newReleaseCmd(a *app, runF func(context.Context, *releaseOptions) error) *cobra.Command {
	if runF == nil {
		runF = releaseRun
	}
	opts := &releaseOptions{}
	cmd := &cobra.Command{
		Use:               "release {NAME --holder | NAME --waiter N | --key KEY | --lease LEASE}",
		Short:             "End a request or a session of another client, by force",
		Long:              releaseLong,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeNames(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				opts.target.name = args[0]
			}
			if err := opts.target.check(len(args) > 0, cmd.Flags().Changed("waiter")); err != nil {
				return err
			}
			opts.readOnly = a.readOnly
			opts.connect, opts.in, opts.out, opts.err, opts.now = a.connect, a.In, a.printer(), a.Err, a.now
			return ran(runF(cmd.Context(), opts))
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&opts.target.key, "key", "", "the request with this `key`")
	fs.StringVar(&opts.target.lease, "lease", "", "the session with this `lease`, in hex")
	fs.BoolVar(&opts.target.holder, "holder", false, "who holds the lock NAME")
	fs.IntVar(&opts.target.waiter, "waiter", 0, "who is at `position` N of the queue of NAME")
	fs.BoolVar(&opts.target.session, "session", false, "with NAME: the whole session of that request")
	fs.BoolVarP(&opts.yes, "yes", "y", false, "do not ask")
	fs.BoolVar(&opts.dryRun, "dry-run", false, "show what would go, and do nothing")
	fs.StringVar(&opts.audit, "audit", "", "append what was done to this `file`")
	fs.StringVar(&opts.reason, "reason", "", "why, for the audit log")
	return cmd
}

var errReleaseTarget = errors.New("say what to release, in one way: NAME --holder, NAME --waiter N, --key KEY, or --lease LEASE")

func (t releaseTarget) check(named, waiter bool) error {
	ways := 0
	for _, used := range []bool{t.key != "", t.lease != "", t.holder, waiter} {
		if used {
			ways++
		}
	}
	switch byName := t.holder || waiter; {
	case ways != 1, byName != named, named && t.name == "":
		return errReleaseTarget
	case t.session && !byName:
		return errors.New("--session goes with NAME; --lease means a whole session anyway")
	case waiter && t.waiter < 1:
		return fmt.Errorf("--waiter %d: positions count from 1", t.waiter)
	}
	return nil
}

func releaseRun(ctx context.Context, opts *releaseOptions) error {
	if opts.readOnly && !opts.dryRun {
		return usagef("release changes locks: not with --read-only; --dry-run shows what it would do")
	}
	if !opts.yes && !opts.dryRun && !isTerminal(opts.in) {
		return usagef("standard input is no terminal to be asked on: --yes releases without asking, --dry-run only shows")
	}
	c, err := opts.connect(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	return opts.release(ctx, c)
}

// release shows what would go, and does it once that is agreed to.
func (opts *releaseOptions) release(ctx context.Context, c *remote) (err error) {
	planner := release.NewPlanner(c.client)
	var plan release.Plan
	if err := c.ask(ctx, func(ctx context.Context) error {
		plan, err = opts.target.plan(ctx, c, planner)
		return err
	}); err != nil {
		return err
	}
	doc := newReleaseDoc(plan)
	if opts.out.format != formatJSON {
		if err := doc.write(opts.out); err != nil {
			return err
		}
	}
	if !opts.dryRun {
		if doc.ReleasedRevision, err = opts.carry(ctx, c, planner, plan); err != nil {
			return err
		}
		doc.Released = true
	}
	if opts.out.format == formatJSON {
		return opts.out.document(doc)
	}
	if !doc.Released {
		return nil
	}
	return opts.out.line(cell{text: fmt.Sprintf("released at revision %d", doc.ReleasedRevision)})
}

// plan finds what is meant and what would go with it.
func (t releaseTarget) plan(ctx context.Context, c *remote, planner *release.Planner) (release.Plan, error) {
	switch {
	case t.key != "":
		return planner.Request(ctx, t.key)
	case t.lease != "":
		lease, err := parseLease(t.lease)
		if err != nil {
			return release.Plan{}, usageError{err}
		}
		return planner.Session(ctx, lease)
	}
	snapshot, err := c.source.Snapshot(ctx, t.name+"/")
	if err != nil {
		return release.Plan{}, err
	}
	r, err := t.choose(named(snapshot, t.name))
	switch {
	case err != nil:
		return release.Plan{}, err
	case !t.session:
		return planner.Request(ctx, r.Key)
	case r.Lease == 0:
		return release.Plan{}, fmt.Errorf("%s hangs on no session; without --session, it is released alone", r.Key)
	}
	return planner.Session(ctx, r.Lease)
}

// choose finds the one request that is meant.
func (t releaseTarget) choose(locks []inspect.Lock) (inspect.Request, error) {
	var found []inspect.Request
	for _, l := range locks {
		for i, r := range l.Queue {
			if t.holder && r.Holding || i+1 == t.waiter && !r.Holding {
				found = append(found, r)
			}
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		var keys []string
		for _, r := range found {
			keys = append(keys, "--key "+r.Key)
		}
		return inspect.Request{}, usagef("%d are meant by that; choose one: %s", len(found), strings.Join(keys, ", "))
	case t.holder:
		return inspect.Request{}, fmt.Errorf("%s is free", t.name)
	default:
		return inspect.Request{}, fmt.Errorf("nobody waits for %s at position %d; see etcd-lock show", t.name, t.waiter)
	}
}

// carry carries the plan out once it is agreed to, and notes what came of it.
func (opts *releaseOptions) carry(ctx context.Context, c *remote, planner *release.Planner, plan release.Plan) (revision int64, err error) {
	log, err := openAudit(opts.audit) // before anything is done that it could not be told
	if err != nil {
		return 0, err
	}
	defer func() { _ = log.Close() }()
	if err := opts.agree(ctx, plan); err != nil {
		return 0, err
	}
	record := release.NewRecord(plan, opts.now())
	record.Reason = opts.reason
	return c.carry(ctx, planner, plan, record, log)
}

// carry carries a plan out, and notes in the audit log what came of it.
func (c *remote) carry(ctx context.Context, planner *release.Planner, plan release.Plan, record release.Record, log io.Writer) (revision int64, err error) {
	err = c.ask(ctx, func(ctx context.Context) error {
		revision, err = planner.Carry(ctx, plan)
		return err
	})
	record.Etcd, record.EtcdUser, record.Revision = c.endpoint, c.user, revision
	if err != nil {
		record.Error = err.Error()
	}
	return revision, errors.Join(err, record.Write(log))
}

func openAudit(file string) (io.WriteCloser, error) {
	if file == "" {
		return discard{io.Discard}, nil
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	return f, nil
}

// discard is where nobody wants a log.
type discard struct{ io.Writer }

func (discard) Close() error { return nil }

var errNotAgreed = errors.New("not released")

// agree asks on the terminal, and takes anything but a yes for a no.
func (opts *releaseOptions) agree(ctx context.Context, plan release.Plan) error {
	if opts.yes {
		return nil
	}
	question := "Release it? [y/N] "
	if plan.Lease != 0 {
		question = fmt.Sprintf("End session %s? [y/N] ", leaseText(plan.Lease))
	}
	_, _ = fmt.Fprint(opts.err, question)
	answer := make(chan string, 1)
	go func() { // ends with the process when nobody answers
		line, _ := bufio.NewReader(opts.in).ReadString('\n')
		answer <- line
	}()
	select {
	case line := <-answer:
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return nil
		}
		return errNotAgreed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// releaseDoc is what release prints as JSON; releaseLong documents its fields.
type releaseDoc struct {
	Lease            string       `json:"lease,omitempty"`
	Revision         int64        `json:"revision"`
	Gone             []requestDoc `json:"gone"`
	Others           []string     `json:"others"`
	Granted          []requestDoc `json:"granted"`
	Released         bool         `json:"released"`
	ReleasedRevision int64        `json:"released_revision,omitempty"`
}

func newReleaseDoc(plan release.Plan) releaseDoc {
	doc := releaseDoc{
		Revision: plan.Revision,
		Gone:     newRequestDocs(plan.Gone),
		Others:   append([]string{}, plan.Others...),
		Granted:  newRequestDocs(plan.Granted),
	}
	if plan.Lease != 0 {
		doc.Lease = leaseText(plan.Lease)
	}
	return doc
}

// write prints the plan for people.
func (d releaseDoc) write(out printer) error {
	var rows [][]cell
	for _, r := range d.Gone {
		rows = append(rows, d.row(cell{text: "goes", tone: critical}, r))
	}
	for _, key := range d.Others {
		rows = append(rows, append([]cell{{text: "goes", tone: critical}}, plainRow("-", "-", "-", "-", key)...))
	}
	for _, r := range d.Granted {
		rows = append(rows, d.row(cell{text: "is granted", tone: holding}, r))
	}
	if len(rows) == 0 {
		return out.line(cell{text: "the session has no keys"})
	}
	return out.table([]string{"WHAT", "LOCK", "MODE", "STATE", "OWNER", "KEY"}, rows)
}

func (d releaseDoc) row(what cell, r requestDoc) []cell {
	return append([]cell{what}, plainRow(r.Name, r.Mode, r.State, ownerText(r.Owner), r.Key)...)
}
