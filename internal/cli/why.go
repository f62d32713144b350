package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"etcd-lock/internal/cli/alert"
	"etcd-lock/internal/cli/contexts"
	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/cli/predicting"
	"etcd-lock/internal/cli/recording"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/hint"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/narrate"
	"etcd-lock/internal/patrol"
)

var whyLong = `Explains why the lock NAME is stuck: who holds it and since when, who waits, what
blocks the holders on other locks, what will happen without intervention, and what
can be done about it, with what each remedy would release. Without NAME, it prints
the problems of all locks, worst first.

It reads all locks at one revision, or those whose keys begin with one of --prefix,
because clients that block NAME may be waiting for other locks. If a client that blocks
others has keys that are not read, it says that the cause may lie there. A user who may
not read all keys, and gives no --prefix, sees what may be read. It looks up at most 512
leases, the most relevant ones first.

With --rev N, it explains that revision: who was waiting for whom. A revision has no
leases and ages.

With --potential, it watches, or reads a --recording, and finds orders of acquiring locks
that could deadlock: see docs/profile.md.

etcd stores no times. "By its own clock" is the time that a client wrote into its
request; where a client wrote none, only the order of requests is known. For a holder
it is the time of its request: it was granted the lock at some time since then.

With -o json:
  name, name_base64   as given; absent without NAME
  prefixes            that were read, as for ls
  revision            etcd revision of the answer
  locks               named NAME, as for show; without NAME, none
  chains              for each contended one of these, starting at its last waiter:
    from, to            sessions: a lease in hex, or the key of a request without one
    kind                hard: to holds what from waits for; soft: to waits ahead
                        of from; inside: from holds its lock for a nested process
                        that reports to be to
    lock                that from waits for; for inside, that from holds
  findings            worst first:
    kind                deadlock, no-lease, expiring, lease-gone,
                        lease-overdue, lease-missing, lapsed, long-wait,
                        long-hold, mixed-layouts, permits-differ, modified,
                        self-wait or other-key; about etcd itself: no-space and corrupt are
                        alarms, and come first; old-server, proxy
    severity            critical, warning or notice
    text                a sentence
    clauses             details, a sentence each
    locks               names; none for a finding about etcd itself
    sessions            as in chains
    behind              number of sessions that are blocked by it
    servers             old-server: the members, each:
      id, name, version   id in hex; name is absent when it is not known
    faults              old-server, each:
      kind, mended_in, source  what it is, the release that mends it, and where etcd
                          says so
    due                 when it resolves itself; absent when unknown or never
    age_seconds         long-wait, long-hold: how long it has waited or held
    age_bound           exact; at_most: it was granted at some time since its request;
                        at_least
    remedies            what can be done, the best first:
      text                what it does, releases and grants
      clauses             what to know before, a sentence each
      condition           absent when the remedy helps in any case
      args                arguments of etcd-lock, with the flags that connect it to the same
                          etcd; absent with command
      command             of the software whose lock it is, for a shell, where no key
                          may be deleted
      etcdctl             arguments of etcdctl with the same effect, with its flags; it
                          refuses a flag beside its variable. Absent if they cannot
                          say the key
      releases, grants    keys of the requests that are removed, and that are granted
      more_releases       how many more are removed: requests in locks above that are on
                          the lease of the remedy, beyond 64 keys; absent when none
      more_grants         how many more are granted: the next waiters in locks above
      others              other keys of the session, which are deleted too; absent
                          when there are none
  remedies            with NAME: how to release those who keep others waiting, by
                      force, whether there is a problem or not; as above
  hint                that clients may wait for NAME that leave no key; absent without one
  unknown             what could not be read, a sentence each
` + docs.RecordedHelp + "\n" + predicting.Help + `
` + alert.Help + `
Beside a text that is not valid UTF-8, or a list with one, is the same in base64,
in a field of its name and _base64.

` + contexts.SeveralHelp + `

Locks of the same name in two contexts are two locks. With --fail-on, it exits with 6 if
there is such a problem in any of the contexts, whether the others answer or not. With
--watch, one that does not answer is tried again, and meanwhile the others are followed.`

// whyOptions are the options of why.
type whyOptions struct {
	name       string // empty: all locks
	prefixes   []string
	rev        revs
	thresholds diagnose.Thresholds
	recorded   moments           // nil: etcd is read
	several    []contexts.Member // in place of connect; nil: one etcd
	connect    func(context.Context) (*connect.Conn, error)
	out        output.Printer
	err        io.Writer
	now        func() time.Time
	alerts     alert.Flags
	lasting    *contexts.Lasting // several with --watch
	reach      func(ctx context.Context, name string, c *connect.Conn, given []string) (keyspace.Prefixes, error)
	warn       func(string)
	retrying   func(context string, err error)
}

func newWhyCmd(a *app, runF func(context.Context, *whyOptions) error) *cobra.Command {
	if runF == nil {
		runF = whyAnswer
	}
	opts := &whyOptions{}
	var name []byte
	var from recording.Flags
	cmd := &cobra.Command{
		Annotations: map[string]string{severalContexts: ""},
		Use:         "why [NAME]",
		Short:       "Explain why a lock is stuck, or find problems of all locks, and what to do",
		Long:        whyLong,
		Example: `  etcd-lock why
  etcd-lock why /jobs/nightly
  etcd-lock why /jobs/nightly --recording /var/lib/etcd-lock --at 03:12
  etcd-lock why --fail-on critical --context dev,prod
  etcd-lock why --watch --prefix /jobs/ --webhook https://alerts.example.com/locks
  etcd-lock why -o json | jq -r '.findings[] | select(.severity == "critical") | .text'`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeNames(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.takeName(args, name); err != nil {
				return err
			}
			if err := opts.check(cmd.Flags(), from.Given()); err != nil {
				return err
			}
			var err error
			if opts.recorded, err = a.recorded(from, cmd.Flags()); err != nil {
				return err
			}
			opts.several, opts.connect, opts.out, opts.err, opts.now = a.members(), a.connect, a.printer(), a.Err, a.now
			opts.lasting, opts.reach, opts.warn = a.lasting(), a.reachIn, a.warn
			opts.retrying = a.retryingIn
			return runResult(runF(cmd.Context(), opts))
		},
	}
	fs := cmd.Flags()
	fs.BytesBase64Var(&name, "name-base64", nil, "in place of NAME, in base64, for a `name` that cannot be an argument")
	fs.StringArrayVar(&opts.prefixes, "prefix", nil, "read only the locks whose keys begin with this; can be given again")
	opts.rev.register(fs)
	addPotential(a, cmd, &from, &opts.prefixes)
	fs.DurationVar(&opts.thresholds.Wait, "wait-over", diagnose.DefaultThresholds.Wait, "flag waits that are longer than this")
	fs.DurationVar(&opts.thresholds.Hold, "hold-over", diagnose.DefaultThresholds.Hold, "flag holds that are longer than this")
	opts.alerts.Register(fs)
	return cmd
}

// takeName takes NAME from the arguments or a flag, if it is given.
func (opts *whyOptions) takeName(args []string, encoded []byte) (err error) {
	if len(args) == 0 && encoded == nil {
		return nil
	}
	opts.name, err = nameOf(args, encoded)
	if err == nil && opts.name == "" {
		err = hint.Add(errors.New("NAME is empty"), `leave it out for all locks; if there is one of the name "", show "" prints its queue`)
	}
	return err
}

// check reports flags that do not go together or cannot be used.
func (opts *whyOptions) check(fs *pflag.FlagSet, recorded bool) error {
	if opts.rev.two {
		return hint.Add(errors.New("--rev: only a single revision can be explained"), "ls and show compare two revisions")
	}
	if opts.thresholds.Wait <= 0 || opts.thresholds.Hold <= 0 {
		return errors.New("--wait-over and --hold-over must be more than 0")
	}
	return opts.alerts.Check(fs, recorded || opts.rev.from > 0)
}

func whyRun(ctx context.Context, opts *whyOptions) error {
	c, err := opts.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	a, err := opts.answer(ctx, c)
	if err != nil {
		return err
	}
	return opts.print(ctx, a)
}

// answer answers from an etcd.
func (opts *whyOptions) answer(ctx context.Context, c *connect.Conn) (answer, error) {
	snapshot, unknown, err := opts.read(ctx, c)
	if err != nil {
		return answer{}, err
	}
	var leases map[int64]inspect.Lease
	var cluster []diagnose.Finding
	if opts.rev.from == 0 { // by now, an old lease ID may belong to another session
		var more, also []string
		leases, more = c.UrgentLeases(ctx, snapshot, connect.MostLeases)
		cluster, also = patrol.Cluster(ctx, c)
		unknown = slices.Concat(unknown, more, also)
	}
	if opts.name != "" {
		snapshot.Locks = slices.Clone(snapshot.Locks)
		locks := snapshot.Named(opts.name)
		copy(locks, withInfo(ctx, c, opts.rev.from, locks))
	}
	now := opts.rev.clock(opts.now)
	a := newAnswer(diagnose.Locks(snapshot, leases, opts.thresholds, now).With(cluster), opts.name, now)
	a.leases, a.unknown, a.flags = leases, unknown, c.Flags
	a.unknown = append(a.unknown, a.nestedElsewhere()...)
	if !a.past() {
		a.unknown = append(a.unknown, keysElsewhere(ctx, c, a)...)
	}
	if ages := a.unknownAges(); ages != "" && !a.past() {
		a.unknown = append(a.unknown, ages)
	}
	a.polls = polls(ctx, c, a)
	keys, err := c.LeaseKeys(ctx, a.ends())
	if a.others = a.OtherKeys(keys); err != nil {
		a.unknown = append(a.unknown, fmt.Sprintf("other keys of sessions that remedies end: %s", format.Plainly(err)))
	}
	if opts.out.Format != output.JSON && opts.name != "" && len(snapshot.Named(opts.name)) == 0 {
		if a.absent, err = opts.absence(ctx, c, snapshot); err != nil {
			return a, err
		}
	}
	return a, nil
}

// absence says, in lines, that there is no lock NAME. It reads again only if the
// snapshot does not have all keys that begin with NAME.
func (opts *whyOptions) absence(ctx context.Context, c *connect.Conn, s inspect.Snapshot) ([]string, error) {
	var text, meant string
	var err error
	if s.Prefixes.Has(opts.name) {
		var found inspect.Absence
		found, err = c.AbsenceIn(ctx, s, opts.name, opts.rev.from > 0)
		text, meant = absent(c.Flags, opts.name, opts.rev.from, found)
	} else {
		text, meant, err = absence(ctx, c, opts.name, opts.rev.from)
	}
	if meant == "" {
		return []string{text}, err
	}
	return []string{text, meant}, err
}

// read reads the locks. If the user may not read all of them, it reads those that the
// user may read or, if etcd does not say which, those named NAME, and says what is
// missing.
func (opts *whyOptions) read(ctx context.Context, c *connect.Conn) (s inspect.Snapshot, unknown []string, err error) {
	r, err := c.Reach(ctx, opts.prefixes)
	if err == nil {
		if r.Limited {
			unknown = append(unknown, r.Elsewhere())
		}
		if r.Limited && opts.name != "" { // it may be in a range that is no prefix
			r.Prefixes = keyspace.NewPrefixes(append(r.Prefixes, opts.name+"/")...)
		}
		s, err = c.Snapshot(ctx, opts.rev.from, r.Prefixes...)
	}
	if opts.name == "" || r.Limited || !errors.Is(err, rpctypes.ErrPermissionDenied) {
		return s, append(unknown, narrate.Unread(s)...), err
	}
	s, err = c.SnapshotOf(ctx, opts.rev.from, opts.name)
	return s, append(narrate.Unread(s), fmt.Sprintf(
		"who blocks the holders of %s on other locks: etcd does not permit listing all locks; select others with --prefix", opts.name)), err
}

// keysElsewhere says which sessions that others wait for have keys that were not read,
// among those that keep NAME or anything waiting: whether they wait there is not known.
func keysElsewhere(ctx context.Context, c *connect.Conn, a answer) (unknown []string) {
	const most = 8
	read := a.Snapshot.Prefixes
	for _, id := range a.RootLeases(a.roots(), most) {
		var out inspect.Outside
		err := c.Do(ctx, func(ctx context.Context) (err error) {
			out, err = c.Source.Outside(ctx, id, read)
			return err
		})
		if err != nil {
			return append(unknown, fmt.Sprintf("whether sessions that others wait for have keys elsewhere: %s", format.Plainly(err)))
		}
		if text := narrate.Outside(id, out, read, narrate.PrefixFlags); text != "" {
			unknown = append(unknown, text)
		}
	}
	return unknown
}

// polls says how many leases without keys are like those of the lock NAME, where clients
// that wait leave such leases; it is empty where they do not, or that is not known.
func polls(ctx context.Context, c *connect.Conn, a answer) string {
	for _, l := range a.account.Locks {
		if a.past() || !l.ID.Layout.Polls || a.leases[l.Queue[0].Lease].Granted == 0 {
			continue
		}
		granted := a.leases[l.Queue[0].Lease].Granted
		var n int
		var all bool
		err := c.Do(ctx, func(ctx context.Context) (err error) {
			n, all, err = c.Source.Keyless(ctx, granted, a.Snapshot)
			return err
		})
		if err == nil && n > 0 {
			return narrate.Polls(n, all, granted)
		}
	}
	return ""
}
