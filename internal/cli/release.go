package cli

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/format"
	"etcd-lock/internal/hint"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/narrate"
	"etcd-lock/internal/printable"
	"etcd-lock/internal/release"
)

var releaseLong = `Removes a lock request of another client by force: one that holds a lock or
waits for it.

Select what to release in exactly one way:
  NAME --holder      the request that holds the lock NAME
  NAME --waiter N    the request at position N of its queue, as show numbers it
  --request KEY      the request with this key, as show prints it, or another key
                     that requests wait for; --request-base64 for one that cannot
                     be an argument
  --lease LEASE      the session with this lease, as show prints it
With --session, NAME --holder and NAME --waiter select the whole session of that
request. Releasing a session revokes its lease, which removes all of its keys.

In sequence, release
  1. prints what would be removed, and which waiters would be granted a lock
  2. asks for confirmation, unless --yes; with --dry-run it ends here
  3. removes the keys in one transaction, which fails if any of them has changed
     since, or if a waiter may have been granted its lock
  4. revokes the lease of a session, unless it has new keys by then

A session of over 128 keys has too many for one transaction. Then release checks
that the lease has exactly the keys that were printed, and that none has changed,
128 at a time, and revokes the lease, which removes all of them at once. It does
not notice what changes between the first check and that: a key that is attached
to the lease meanwhile is removed too, and a waiter may have been granted its lock.

The client may keep working as if it held the lock. Make sure it has stopped, or
that its writes are fenced: see "No guarantee" in the documentation of package
rwlock. Clients that use rwlock are notified of the loss; "etcdctl lock" lets its
command run on.

With -o json:
  lease               to be revoked; absent when a single request is released
  revision            etcd revision of the preview
  gone                requests to be removed:
` + docs.Indent(docs.RequestHelp, "    ") + `
  others              keys to be removed that count as no lock requests
  partial             those of them that are requests for locks read in part
  granted             waiters that are granted their lock by this, as above
  in_parts            true: over 128 keys, checked in parts as described above
  released            true: it was done
  released_revision   etcd revision of the removal; absent when not done

The audit log gets a line of JSON for each attempt: time, user, host, pid,
etcd_user, etcd (endpoints), reason, lease, released (requests), others,
partial, revision (absent when it failed), error.`

// releaseOptions are the options of release.
type releaseOptions struct {
	target   releaseTarget
	yes      bool
	dryRun   bool
	readOnly bool
	audit    string // file
	reason   string
	connect  func(context.Context) (*connect.Conn, error)
	in       io.Reader
	out      output.Printer
	err      io.Writer
	now      func() time.Time
}

// releaseTarget selects what to release: by key, lease or name.
type releaseTarget struct {
	key     string
	lease   string
	name    string
	holder  bool
	waiter  int
	session bool // the whole session of the request that name, holder and waiter select
}

func newReleaseCmd(a *app, runF func(context.Context, *releaseOptions) error) *cobra.Command {
	if runF == nil {
		runF = releaseRun
	}
	opts := &releaseOptions{}
	var key []byte
	cmd := &cobra.Command{
		Use:   "release {NAME --holder | NAME --waiter N | --request KEY | --lease LEASE}",
		Short: "Remove a request or end a session of another client, by force",
		Long:  releaseLong,
		Example: `  etcd-lock release /jobs/nightly --holder --dry-run
  etcd-lock release /jobs/nightly --holder --audit release.log --reason 'host web-1 is down'
  etcd-lock release --lease 694d95a3f2c41d07 --yes`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeNames(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				opts.target.name = args[0]
			}
			if key != nil {
				opts.target.key = string(key)
			}
			if err := opts.target.check(len(args) > 0, cmd.Flags().Changed("waiter")); err != nil {
				return err
			}
			opts.readOnly = a.readOnly
			opts.connect, opts.in, opts.out, opts.err, opts.now = a.connect, a.In, a.printer(), a.Err, a.now
			return runResult(runF(cmd.Context(), opts))
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&opts.target.key, "request", "", "release the request with this `key`")
	fs.BytesBase64Var(&key, "request-base64", nil, "as --request, in base64, for a `key` that cannot be an argument")
	fs.StringVar(&opts.target.lease, "lease", "", "end the session with this `lease`, in hex")
	fs.BoolVar(&opts.target.holder, "holder", false, "release the holder of NAME")
	fs.IntVar(&opts.target.waiter, "waiter", 0, "release the waiter at `position` N in the queue of NAME")
	fs.BoolVar(&opts.target.session, "session", false, "with NAME: end the whole session of that request")
	fs.BoolVarP(&opts.yes, "yes", "y", false, "do not ask for confirmation")
	fs.BoolVar(&opts.dryRun, "dry-run", false, "show what would be released, and do nothing")
	fs.StringVar(&opts.audit, "audit", "", "append what was released to this `file`")
	cmd.MarkFlagsMutuallyExclusive("request", "request-base64")
	fs.StringVar(&opts.reason, "reason", "", "reason, for the audit log")
	return cmd
}

var errNotConfirmed = errors.New("not confirmed, so nothing was released")
var errReleaseTarget = errors.New("choose exactly one of NAME --holder, NAME --waiter N, --request KEY, --lease LEASE")

// check reports an error unless exactly one target is selected. Named says that
// NAME was given, waiter that --waiter was.
func (t releaseTarget) check(named, waiter bool) error {
	ways := 0
	for _, used := range []bool{t.key != "", t.lease != "", t.holder, waiter} {
		if used {
			ways++
		}
	}
	switch byName := t.holder || waiter; {
	case ways != 1, byName != named:
		return errReleaseTarget
	case named && t.name == "": // as of a variable that is not set
		return hint.Add(errors.New("NAME is empty"), `if there is a lock of the name "", show "" prints its keys, for --request`)
	case t.session && !byName:
		return hint.Add(errors.New("--session requires NAME"), "--lease always selects a whole session")
	case waiter && t.waiter < 1:
		return fmt.Errorf("--waiter %d: positions count from 1", t.waiter)
	}
	return nil
}

func releaseRun(ctx context.Context, opts *releaseOptions) error {
	if opts.readOnly && !opts.dryRun {
		return usageError{hint.Add(&readOnlyError{does: "release writes to etcd"}, "--dry-run shows what would be released")}
	}
	if !opts.yes && !opts.dryRun && !output.IsTerminal(opts.in) {
		return usageHint("use --yes or --dry-run", "cannot ask for confirmation: standard input is not a terminal")
	}
	c, err := opts.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return opts.release(ctx, c)
}

// release shows the plan, and applies it once the user has confirmed it.
func (opts *releaseOptions) release(ctx context.Context, c *connect.Conn) error {
	releaser := release.New(c)
	plan, err := opts.target.plan(ctx, c, releaser)
	if err != nil {
		return err
	}
	doc := docs.NewRelease(plan)
	if opts.out.Format != output.JSON {
		if err := doc.Write(opts.out); err != nil {
			return err
		}
	}
	if !opts.dryRun {
		if doc.ReleasedRevision, err = opts.apply(ctx, releaser, plan); err != nil {
			return err
		}
		doc.Released = true
	}
	if opts.out.Format == output.JSON {
		return opts.out.Document(doc)
	}
	if !doc.Released {
		return nil
	}
	return opts.out.Line(output.Cell{Text: fmt.Sprintf("released at revision %d", doc.ReleasedRevision)})
}

// plan finds the target and plans to release it.
func (t releaseTarget) plan(ctx context.Context, c *connect.Conn, releaser *release.Releaser) (release.Plan, error) {
	switch {
	case t.key != "":
		return releaser.PlanRequest(ctx, t.key)
	case t.lease != "":
		lease, err := format.ParseLease(t.lease)
		if err != nil {
			return release.Plan{}, usageError{err}
		}
		plan, err := releaser.PlanSession(ctx, lease)
		return plan, hintDecimal(err, t.lease)
	}
	snapshot, err := c.SnapshotOf(ctx, 0, t.name)
	if err != nil {
		return release.Plan{}, err
	}
	locks := snapshot.Named(t.name)
	if len(locks) == 0 {
		text, meant, err := absence(ctx, c, t.name, 0)
		return release.Plan{}, cmp.Or(err, hint.Add(errors.New(text), meant))
	}
	r, err := t.choose(c.Flags, locks)
	if err != nil {
		return release.Plan{}, err
	}
	if !t.session {
		return releaser.PlanRequest(ctx, r.Key)
	}
	plan, err := releaser.PlanSessionOf(ctx, r)
	if errors.Is(err, release.ErrNoSession) {
		err = hint.Add(err, "without --session, the request alone is released")
	}
	return plan, err
}

// choose returns the selected request of the locks that have the name, of which there
// is at least one.
func (t releaseTarget) choose(flags cmdline.Flags, locks []inspect.Lock) (inspect.Request, error) {
	var found, others []inspect.Request
	for _, l := range locks {
		for i, r := range l.Queue {
			if t.holder && r.Holding || i+1 == t.waiter && r.Waiting() {
				found = append(found, r)
			}
		}
		for _, o := range l.Others {
			if t.holder && l.IsDetached(o) {
				found = append(found, o)
			}
		}
		others = append(others, l.Others...)
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return inspect.Request{}, usageHint("choose one: "+requestFlags(found), "%s has %d such requests", t.name, len(found))
	case t.holder && len(others) == 0:
		return inspect.Request{}, t.unheld(locks)
	case t.holder:
		return inspect.Request{}, t.behind(others)
	default:
		return inspect.Request{}, hint.Add(fmt.Errorf("no waiter at position %d of %s", t.waiter, t.name), showCommand(flags, t.name)+" prints the queue with its positions")
	}
}

// behind says that other keys are in the way. It offers none of a lock that was not read.
func (t releaseTarget) behind(others []inspect.Request) error {
	err := fmt.Errorf("no request holds %s: other keys are in the way", t.name)
	if whole := slices.DeleteFunc(slices.Clone(others), func(o inspect.Request) bool { return o.Cut }); len(whole) > 0 {
		return hint.Add(err, "choose one: "+requestFlags(whole))
	}
	return hint.Add(err, others[0].Key+" is "+others[0].AsOther())
}

// unheld says that nobody holds a lock, which is one key.
func (t releaseTarget) unheld(locks []inspect.Lock) error {
	if q := locks[0].Queue; len(q) == 1 && q[0].Kept() {
		err := fmt.Errorf("%s is not held: its client has ended, and its key stays until its lease ends", t.name)
		return hint.Add(err, "to delete the key, so that others get the lock: "+requestFlags(q))
	}
	return fmt.Errorf("%s is not held: its key says that nobody holds it", t.name)
}

// requestFlags returns the flags that select requests, the first few of many.
func requestFlags(requests []inspect.Request) string {
	var flags []string
	for _, r := range requests[:min(len(requests), maxQueueLines)] {
		if flag := printable.Shell(narrate.RequestFlag(r.Key)...); printable.Text(flag) == flag {
			flags = append(flags, flag)
		} else { // a hint has no other escapes than those that make it printable
			flags = append(flags, "--request-base64 "+base64.StdEncoding.EncodeToString([]byte(r.Key)))
		}
	}
	return strings.Join(flags, ", ")
}

// apply applies the plan once the user has confirmed it.
func (opts *releaseOptions) apply(ctx context.Context, releaser *release.Releaser, plan release.Plan) (revision int64, err error) {
	log, err := release.OpenAuditLog(opts.audit) // first: nothing is released that cannot be recorded
	if err != nil {
		return 0, err
	}
	defer func() { _ = log.Close() }()
	if err := opts.confirm(ctx, plan); err != nil {
		return 0, err
	}
	return releaser.Apply(ctx, plan, release.Audit{Log: log, Reason: opts.reason, Now: opts.now})
}

// confirm asks on the terminal, and takes anything but a yes for a no.
func (opts *releaseOptions) confirm(ctx context.Context, plan release.Plan) error {
	if opts.yes {
		return nil
	}
	question := "Release it? [y/N] "
	if plan.Lease != 0 {
		question = fmt.Sprintf("End session %s? [y/N] ", format.Lease(plan.Lease))
	}
	_, _ = fmt.Fprint(opts.err, question)
	answer := make(chan string, 1)
	go func() { // ends with the process if there is no answer
		line, _ := bufio.NewReader(opts.in).ReadString('\n')
		answer <- line
	}()
	select {
	case line := <-answer:
		if slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(line))) {
			return nil
		}
		return errNotConfirmed
	case <-ctx.Done():
		return ctx.Err()
	}
}
