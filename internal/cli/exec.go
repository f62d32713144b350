package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"etcd-lock/internal/cli/asking"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/hint"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/supervise"
	"etcd-lock/rwlock"
)

const execLong = `Runs CMD while holding the lock NAME for writing, or with --read for reading. With
several NAMEs it acquires all of them at one instant, or none: such commands never
deadlock with each other, in whatever order they name the locks.

In sequence, exec
  1. acquires the locks; while it waits, it prints on standard error who holds
     them, and again when that changes
  2. starts CMD in a process group of its own, with exec's standard input, output
     and error, and the terminal
  3. forwards the signals INT, TERM, HUP, QUIT, USR1, USR2, WINCH, CONT and TSTP to
     the process group
  4. releases the locks when CMD has ended, and exits with its exit code
A signal during the wait ends it and leaves nothing in etcd. The locks are held
until CMD has ended, whatever it does with a signal; background processes that it
leaves run on without the locks.

If a lock is lost while CMD runs, its process group gets SIGTERM, and SIGKILL
before etcd may grant the lock to another client:
  etcd is unreachable       SIGTERM when less than a third of --ttl is left of the
                            lease, SIGKILL just before it expires
  the key is deleted or     SIGTERM at once, SIGKILL after a third of --ttl, or just
  the lease revoked         before the lease would have expired if that is sooner
When etcd-lock itself is killed, Linux kills CMD at once, but not the processes that
CMD has started; in a shell script, write exec before the last command. When CMD is
suspended with ctrl-Z, etcd-lock is suspended too: after more than --ttl the lock is
lost, and CMD is killed when it is continued.

With --limit N, each NAME is a semaphore: N such commands run at a time, or fewer if some
take more than one of the N permits with --weight. They are granted in the order in which
they asked: one that takes many permits is not overtaken. All commands have to give the
same N; where they do not, the smallest counts. A NAME with --limit is not one without.

With --at-least 1m, the locks are held for a minute from when they were acquired, also
when CMD has ended before: so a job that several machines start at one time runs once,
with --try, although their clocks differ by less than that. A signal ends that.

With --lock-delay 10s, etcd keeps the locks for 10s longer when CMD was ended because a lock
was lost or about to be, or when exec or its machine dies: so what CMD has sent to others
before has time to arrive, where they check no fencing token. A key that others delete, and
a lease that they revoke, is gone at once all the same.

With --on-ask SIGNAL, the process group gets SIGNAL once, when another client waits for
one of the locks, as "etcd-lock ask" does too. It may end then, or go on as long as it
needs; the locks are released when it has ended, and the exit code is its own.

CMD finds in its environment, one line for each NAME in the order given:
  ETCD_LOCK_NAME    the name
  ETCD_LOCK_KEY     the key in etcd that holds the lock
and once, because all names share it:
  ETCD_LOCK_TOKEN   the fencing token: it grows with every grant, so that a store
                    can reject a writer with a smaller token than it has seen
  ETCD_LOCK_REV     the same, under the name that etcdctl lock uses
Locks that CMD acquires have the first key as their owner's "under".

Exit codes:
  the exit code of CMD; 128+n when signal n ended it
  1    failed before CMD was started
  2    wrong usage
  3    locks not acquired within --wait or with --try; see --conflict-exit-code
  4    a lock was lost, or was about to be and CMD was ended for that
  126  CMD cannot be executed
  127  CMD was not found
  128+n  signal n ended the wait`

const defaultExecTTL = 15 * time.Second

// execOptions are the options of exec.
type execOptions struct {
	names        []string
	mode         rwlock.Mode
	command      []string
	wait         time.Duration // 0: without a limit
	try          bool
	conflictCode int
	ttl          time.Duration
	label        string
	onAsk        string         // a signal; empty: none
	askWith      syscall.Signal // the same, once check has read it
	limit        int            // the permits of semaphores; 0: the locks are read/write locks
	weight       int            // of them
	atLeast      time.Duration
	lockDelay    time.Duration
	quiet        bool
	readOnly     bool
	connect      func(context.Context) (*connect.Conn, error)
	err          io.Writer
}

func newExecCmd(a *app, runF func(context.Context, *execOptions) error) *cobra.Command {
	if runF == nil {
		runF = execRun
	}
	opts := &execOptions{mode: rwlock.Write}
	var read bool
	cmd := &cobra.Command{
		Use:   "exec [flags] NAME... -- CMD [ARG...]",
		Short: "Run a command while holding one or several locks",
		Long:  execLong,
		Example: `  etcd-lock exec --wait 1m /jobs/nightly -- ./nightly.sh --full
  etcd-lock exec --read /config -- sh -c 'echo "token $ETCD_LOCK_TOKEN"'
  etcd-lock exec --limit 3 /jobs/convert -- ./convert.sh
  etcd-lock exec --try --at-least 1m /jobs/nightly -- ./nightly.sh`,
		Args:              namesThenCommand,
		ValidArgsFunction: completeExec(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			dash := cmd.ArgsLenAtDash()
			opts.names, opts.command = args[:dash], args[dash:]
			opts.readOnly, opts.connect, opts.err = a.readOnly, a.connect, a.Err
			if read {
				opts.mode = rwlock.Read
			}
			if opts.label == "" {
				opts.label = filepath.Base(opts.command[0])
			}
			if err := opts.checkLimit(cmd.Flags().Changed, read); err != nil {
				return usageError{err}
			}
			if cmd.Flags().Changed("wait") && opts.wait <= 0 {
				return hint.Add(notPositive("wait", opts.wait), "--try does not wait at all")
			}
			return runResult(runF(cmd.Context(), opts))
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if err = flagError(cmd, err); !slices.Contains(a.Args, "--") { // it may be a flag of CMD
			return hint.Add(err, dashHint)
		}
		return err
	})
	opts.register(cmd, &read)
	return cmd
}

func (opts *execOptions) register(cmd *cobra.Command, read *bool) {
	fs := cmd.Flags()
	fs.BoolVar(read, "read", false, "acquire the locks for reading, shared with other readers")
	fs.DurationVar(&opts.wait, "wait", 0, "give up after this time (default: wait without a limit)")
	fs.BoolVar(&opts.try, "try", false, "do not wait: fail if a lock is held by others")
	fs.IntVar(&opts.conflictCode, "conflict-exit-code", exitNotAcquired, "exit `code` when the locks are not acquired, 0 to 255")
	fs.DurationVar(&opts.ttl, "ttl", defaultExecTTL, "time to live of the lease, in whole seconds: how long the locks outlive a crashed client")
	fs.StringVar(&opts.label, "label", "", "`text` that others see as the owner (default: the name of CMD)")
	fs.StringVar(&opts.onAsk, "on-ask", "", "send CMD this `signal` once, when another client waits for a lock: TERM, HUP, USR1 ...")
	fs.IntVar(&opts.limit, "limit", 0, "the NAMEs are semaphores with so many permits: that many commands run at a time")
	fs.IntVar(&opts.weight, "weight", 1, "with --limit, take so many of the permits")
	fs.DurationVar(&opts.atLeast, "at-least", 0, "hold the locks for at least this time, also when CMD has ended before")
	fs.DurationVar(&opts.lockDelay, "lock-delay", 0, "after an unclean end, keep the locks for this time beyond --ttl")
	fs.BoolVar(&opts.quiet, "quiet", false, "do not print who holds the locks, nor that they were not acquired")
}

const dashHint = "put -- before the command: etcd-lock exec NAME -- CMD"

// namesThenCommand requires names before the dash and a command after it, so that
// no flag of the command is mistaken for one of exec.
func namesThenCommand(cmd *cobra.Command, args []string) error {
	switch dash := cmd.ArgsLenAtDash(); {
	case dash < 0:
		return hint.Add(errors.New("no command given"), dashHint)
	case dash == 0:
		return errors.New("no lock NAME before --")
	case dash == len(args):
		return errors.New("no command after --")
	}
	return nil
}

func execRun(ctx context.Context, opts *execOptions) error {
	if err := opts.check(); err != nil {
		return usageError{err}
	}
	path, err := exec.LookPath(opts.command[0])
	if err != nil && !errors.Is(err, exec.ErrDot) { // shells run a program in "." if PATH has that
		return cannotRun(opts.command[0], err)
	}
	code, err := supervise.Run(ctx, opts.spec(path))
	if err != nil {
		return opts.exitError(err)
	}
	if code != exitDone {
		return exitError{code: code}
	}
	return nil
}

func (opts *execOptions) check() error {
	for i, name := range opts.names {
		if name == "" {
			return rwlock.ErrInvalidName
		}
		if slices.Contains(opts.names[:i], name) {
			return fmt.Errorf("lock %s is named twice", name)
		}
	}
	if opts.onAsk != "" {
		var err error
		if opts.askWith, err = supervise.ParseSignal(opts.onAsk); err != nil {
			return fmt.Errorf("--on-ask: %w", err)
		}
	}
	switch {
	case opts.try && opts.wait > 0:
		return exclusive("--try", "--wait")
	case opts.conflictCode < 0 || opts.conflictCode > 255:
		return fmt.Errorf("--conflict-exit-code %d: must be 0 to 255", opts.conflictCode)
	case opts.ttl < time.Second || opts.ttl%time.Second != 0:
		return fmt.Errorf("--ttl %s: must be whole seconds, at least 1s", opts.ttl)
	case opts.lockDelay < 0:
		return fmt.Errorf("--lock-delay %s: must not be negative", opts.lockDelay)
	case opts.readOnly:
		return notReadOnly("exec")
	}
	return nil
}

// checkLimit checks the flags about semaphores and the time to hold.
func (opts *execOptions) checkLimit(given func(string) bool, read bool) error {
	switch {
	case given("at-least") && opts.atLeast <= 0:
		return notPositive("at-least", opts.atLeast)
	case !given("limit") && given("weight"):
		return errors.New("--weight needs --limit")
	case !given("limit"):
		return nil
	case read:
		return exclusive("--limit", "--read")
	case opts.limit < 1 || opts.limit > keyspace.MaxPermits:
		return fmt.Errorf("--limit %d: must be 1 to %d", opts.limit, keyspace.MaxPermits)
	case opts.weight < 1 || opts.weight > opts.limit:
		return fmt.Errorf("--weight %d: must be 1 to %d, the --limit", opts.weight, opts.limit)
	}
	opts.mode = rwlock.Slot
	return nil
}

func (opts *execOptions) spec(path string) supervise.Spec {
	spec := supervise.Spec{
		Path: path, Argv: opts.command, Label: opts.label, TTL: opts.ttl, LockDelay: opts.lockDelay,
		Wait: opts.wait, Try: opts.try, Quiet: opts.quiet, AtLeast: opts.atLeast, OnAsk: opts.askWith,
		Report: func(text string) { printLine(opts.err, text) },
	}
	spec.Connect = sayTroubles(opts.connect, spec.Report)
	for _, name := range opts.names {
		spec.Locks = append(spec.Locks, opts.lock(name))
	}
	return spec
}

// lock returns what is requested of the lock called name.
func (opts *execOptions) lock(name string) rwlock.LockRequest {
	l := rwlock.LockRequest{Name: name, Mode: opts.mode}
	if l.Mode == rwlock.Slot {
		l.Weight, l.Permits = opts.weight, opts.limit
	}
	return l
}

// exitError gives an error of supervise.Run its exit code.
func (opts *execOptions) exitError(err error) error {
	var (
		notAcquired *supervise.NotAcquiredError
		interrupted *supervise.InterruptedError
		start       *supervise.StartError
	)
	switch {
	case errors.Is(err, supervise.ErrLost): // which has been reported
		return exitError{code: exitLost}
	case errors.As(err, &notAcquired) && opts.quiet:
		return exitError{code: opts.conflictCode}
	case errors.As(err, &notAcquired):
		return exitError{code: opts.conflictCode, err: err}
	case errors.As(err, &interrupted):
		return exitError{code: supervise.SignalCode(interrupted.Signal), err: err}
	case errors.As(err, &start):
		return cannotRun(opts.command[0], start.Err)
	case errors.Is(err, supervise.ErrUnsupported):
		return usageError{err}
	case errors.Is(err, rwlock.ErrLost), errors.Is(err, rwlock.ErrSessionExpired): // before the locks were held
		return exitError{code: exitFailed, err: err}
	default:
		return err
	}
}

func newAskCmd(a *app, runF func(context.Context, *asking.Options) (bool, error)) *cobra.Command {
	if runF == nil {
		runF = asking.Run
	}
	opts := &asking.Options{}
	cmd := &cobra.Command{
		Use:               "ask NAME",
		Short:             "Ask the holders of a lock to give it back",
		Long:              asking.Long,
		Example:           "  etcd-lock ask --wait 1m /jobs/nightly",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeNames(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case a.readOnly:
				return notReadOnly("ask")
			case opts.Wait <= 0:
				return notPositive("wait", opts.Wait)
			case args[0] == "":
				return usageError{rwlock.ErrInvalidName}
			}
			opts.Name, opts.Connect, opts.Out, opts.Meant = args[0], a.connect, a.printer(), meantName
			givenBack, err := runF(cmd.Context(), opts)
			if err == nil && !givenBack {
				err = exitError{code: exitNotAcquired}
			}
			return runResult(err)
		},
	}
	cmd.Flags().DurationVar(&opts.Wait, "wait", 30*time.Second, "how long to wait for the lock to be given back")
	return cmd
}

// meantName says which name may be meant by one that no lock has.
func meantName(ctx context.Context, c *connect.Conn, name string) (meant string, err error) {
	_, meant, err = absence(ctx, c, name, 0)
	return meant, err
}
