package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"etcd-lock/internal/backoff"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
)

var whyLong = `Says why the lock NAME is stuck: who holds it and since when, who waits, who
keeps them waiting on other names, what will happen by itself, and what could be
done with what each would release. Without NAME, all that is wrong with any
lock, worst first.

It reads all locks at one revision, or those whose keys begin with --prefix:
clients that block NAME may themselves wait for others. Of a long list, the
leases that matter most are looked up, 512 at most.

With --rev N, as of that revision: who waited for whom, without leases and ages,
which no revision has.

etcd records no times. "By its own clock" is the time that a client wrote into its
request; without one, only the order is known.

With -o json:
  name, name_base64   NAME; absent without one
  prefix              what was read
  revision            etcd's revision of the answer
  locks               those called NAME, as for show; without NAME, none
  chains              for each contended one of these, from its last waiter on:
    from, to            sessions: a lease in hex, or a key that has none
    kind                hard: to holds what from waits for; soft: to waits ahead
                        of from; inside: from holds its lock for the program to,
                        as to reports
    lock                that from waits for; for inside: that from holds
  findings            worst first:
    kind                deadlock, no-lease, expiring, lease-gone, long-wait,
                        long-hold, mixed-layouts, modified or self-wait
    severity            critical, warning or notice
    text                a sentence
    clauses             more about it, a sentence each
    locks               their names
    sessions            as in chains
    behind              how many sessions cannot continue because of it
    due                 when it ends by itself; absent when unknown or never
    remedies            what could be done, the best first:
      text                what it does, releases and grants
      clauses             what to know before, a sentence each
      args                arguments of etcd-lock
      etcdctl             arguments of etcdctl to the same effect
      releases, grants    keys of the requests that are deleted, and of those that
                          hold their locks then
  remedies            with NAME: what would end, by force, the sessions that keep
                      others waiting, whether anything is wrong or not; as above
  unknown             what could not be read, a sentence each`

// whyOptions are the options of why.
type whyOptions struct {
	name       string // empty for all
	prefix     string
	rev        revs
	thresholds diagnose.Thresholds
	connect    func(context.Context) (*connect.Conn, error)
	out        printer
	err        io.Writer
	now        func() time.Time
}

func newWhyCmd(a *app, runF func(context.Context, *whyOptions) error) *cobra.Command {
	if runF == nil {
		runF = whyRun
	}
	opts := &whyOptions{}
	cmd := &cobra.Command{
		Use:               "why [NAME]",
		Short:             "Say why a lock is stuck, or what is wrong with any, and what to do",
		Long:              whyLong,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeNames(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				if opts.name = args[0]; opts.name == "" {
					return errors.New("NAME is empty; leave it out to ask for all locks")
				}
			}
			if opts.rev.two {
				return errors.New("--rev: why is about one revision; ls and show compare two")
			}
			if opts.thresholds.Wait <= 0 || opts.thresholds.Hold <= 0 {
				return errors.New("--wait-over and --hold-over must be more than 0")
			}
			opts.connect, opts.out, opts.err, opts.now = a.connect, a.printer(), a.Err, a.now
			return runResult(runF(cmd.Context(), opts))
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&opts.prefix, "prefix", "", "read only locks whose keys begin with this")
	opts.rev.register(fs)
	fs.DurationVar(&opts.thresholds.Wait, "wait-over", diagnose.DefaultThresholds.Wait, "flag waits longer than this")
	fs.DurationVar(&opts.thresholds.Hold, "hold-over", diagnose.DefaultThresholds.Hold, "flag holds longer than this")
	return cmd
}

func whyRun(ctx context.Context, opts *whyOptions) error {
	c, err := opts.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	snapshot, unknown, err := opts.read(ctx, c)
	if err != nil {
		return err
	}
	var leases map[int64]inspect.Lease
	if opts.rev.from == 0 { // those of the past may be others' by now
		var more []string
		leases, more = urgentLeases(ctx, c, snapshot)
		unknown = append(unknown, more...)
	}
	now := opts.rev.clock(opts.now)
	d := diagnose.Locks(snapshot, leases, opts.thresholds, now)
	if opts.rev.from > 0 { // what could be done then cannot be done now
		for i := range d.Findings {
			d.Findings[i].Remedies = nil
		}
	}
	a := answer{Diagnosis: d, name: opts.name, leases: leases, unknown: unknown, now: now}
	if opts.out.format == formatJSON {
		return opts.out.document(a.document())
	}
	return a.write(opts.out)
}

// read reads the locks. A user who may not read them all gets what concerns
// NAME, with what is missing.
func (opts *whyOptions) read(ctx context.Context, c *connect.Conn) (s inspect.Snapshot, unknown []string, err error) {
	s, err = c.Snapshot(ctx, opts.prefix, opts.rev.from)
	if opts.name == "" || !errors.Is(err, rpctypes.ErrPermissionDenied) {
		return s, nil, err
	}
	s, err = c.Snapshot(ctx, opts.name+"/", opts.rev.from)
	return s, []string{fmt.Sprintf(
		"who blocks the holders of %s on other names: etcd refuses to list all locks; --prefix says which may be read", opts.name)}, err
}

const (
	whyBatches = 8 // of inspect.MaxLeases
	whyPause   = 20 * time.Millisecond
)

// urgentLeases looks up leases, the most urgent ones first, and says what remains
// unknown. To spare etcd, it looks up a bounded number, in batches with pauses
// between them.
func urgentLeases(ctx context.Context, c *connect.Conn, s inspect.Snapshot) (leases map[int64]inspect.Lease, unknown []string) {
	ids := s.LeasesByUrgency()
	leases = make(map[int64]inspect.Lease, len(ids))
	for batch := 0; len(ids) > 0 && batch < whyBatches; batch++ {
		if batch > 0 && !backoff.Pause(ctx, whyPause) {
			break
		}
		n := min(len(ids), inspect.MaxLeases)
		found, err := c.Leases(ctx, ids[:n])
		for id, lease := range found {
			leases[id] = lease
		}
		if err != nil {
			return leases, append(unknown, fmt.Sprintf("the TTLs of leases: %v", err))
		}
		ids = ids[n:]
	}
	if skipped := len(ids); skipped > 0 {
		unknown = append(unknown, fmt.Sprintf("the TTLs of %d leases: too many to look up", skipped))
	}
	return leases, unknown
}
