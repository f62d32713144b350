package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/printable"
	"etcd-lock/rwlock"
)

const execLong = `Runs CMD while holding the lock NAME for writing, or with --read for reading. With
several NAMEs it takes all of them at one instant, or none: such commands never
deadlock among each other, in whatever order they name the locks.

The command begins after --, which must be there. Standard input, output and
error are the command's own, as is the terminal. Signals sent to etcd-lock go to
the command's process group: INT, TERM, HUP, QUIT, USR1, USR2, WINCH, CONT, TSTP.
The lock is held until the command has ended, whatever it does with a signal. What
the command leaves in the background runs on without the lock.

While it waits, etcd-lock says on standard error who is in the way, and again when
that changes. A signal ends the waiting and leaves nothing in etcd.

When the lock is lost while the command runs, the command's whole process group
gets TERM, and KILL when etcd may give the lock to another:
  etcd cannot be reached    TERM when less than a third of --ttl is left of what
                            etcd granted last, KILL just before the rest is over
  the lock's key is deleted, or its lease revoked
                            TERM at once, KILL after a third of --ttl, or when
                            the lease would have run out if that is sooner
When etcd-lock itself is killed, Linux kills the command at once, though not the
processes that it has started; write exec before the last command of a shell
script. A command that is suspended with ctrl-Z suspends etcd-lock too: a lock is
lost when that lasts longer than --ttl, and then the command is killed when it is
continued.

The command finds in its environment, one line for each NAME in the order given:
  ETCD_LOCK_NAME    the name
  ETCD_LOCK_KEY     the key in etcd that stands for the hold
and once, since all names share it:
  ETCD_LOCK_TOKEN   the fencing token: it grows with every grant, so a store can
                    refuse who comes with a smaller one than it has seen
  ETCD_LOCK_REV     the same, as etcdctl lock calls it
Locks that the command takes in turn carry the first key as their owner's "under".

Exit codes:
  the command's own; 128+n when signal n ended it
  1    failed before the command was started
  2    wrong usage
  3    not acquired within --wait or by --try; see --conflict-exit-code
  4    the lock was lost, or about to be and the command ended for that
  126  CMD cannot be executed
  127  CMD was not found
  128+n  signal n ended the waiting`

const defaultExecTTL = 15 * time.Second

// execOptions are what exec was asked for.
type execOptions struct {
	names        []string
	mode         keyspace.Mode
	command      []string
	wait         time.Duration // 0: for ever
	try          bool
	conflictCode int
	ttl          time.Duration
	label        string
	quiet        bool
	readOnly     bool
	connect      func(context.Context) (*connect.Conn, error)
	err          io.Writer
	now          func() time.Time
}

func newExecCmd(a *app, runF func(context.Context, *execOptions) error) *cobra.Command {
	if runF == nil {
		runF = execRun
	}
	opts := &execOptions{mode: keyspace.Write}
	var read bool
	cmd := &cobra.Command{
		Use:               "exec [flags] NAME... -- CMD [ARG...]",
		Short:             "Run a command under one or several locks",
		Long:              execLong,
		Example:           "  etcd-lock exec --wait 1m /jobs/nightly -- ./nightly.sh --full\n  etcd-lock exec --read /config -- sh -c 'echo \"token $ETCD_LOCK_TOKEN\"'",
		Args:              namesThenCommand,
		ValidArgsFunction: completeExec(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			dash := cmd.ArgsLenAtDash()
			opts.names, opts.command = args[:dash], args[dash:]
			opts.readOnly, opts.connect, opts.err, opts.now = a.readOnly, a.connect, a.Err, a.now
			if read {
				opts.mode = keyspace.Read
			}
			if opts.label == "" {
				opts.label = filepath.Base(opts.command[0])
			}
			if cmd.Flags().Changed("wait") && opts.wait <= 0 {
				return fmt.Errorf("--wait %s: must be more than 0; --try does not wait at all", opts.wait)
			}
			return runResult(runF(cmd.Context(), opts))
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		if !slices.Contains(a.Args, "--") { // it may be the command's flag
			return fmt.Errorf("%w; %w", err, errNoDash)
		}
		return err
	})
	fs := cmd.Flags()
	fs.BoolVar(&read, "read", false, "share the locks with other readers")
	fs.DurationVar(&opts.wait, "wait", 0, "give up after so long; without it, wait for ever")
	fs.BoolVar(&opts.try, "try", false, "do not wait at all")
	fs.IntVar(&opts.conflictCode, "conflict-exit-code", exitNotAcquired, "`code` to exit with when the locks are not acquired, 0 to 255")
	fs.DurationVar(&opts.ttl, "ttl", defaultExecTTL, "how long the locks outlive a client that dies, in whole seconds")
	fs.StringVar(&opts.label, "label", "", "`text` that others see of the holder (default the command's name)")
	fs.BoolVar(&opts.quiet, "quiet", false, "do not say who is in the way, nor that the locks were not acquired")
	return cmd
}

// completeExec offers names of locks before the dash, and leaves what comes
// after it to the shell.
func completeExec(a *app) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		if slices.Contains(a.Args, "--") {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return completeNames(a)(cmd, nil, typed)
	}
}

var errNoDash = errors.New("put -- before the command: etcd-lock exec NAME -- CMD")

// namesThenCommand wants names before the dash and a command after it, so that
// no flag of the command is ever taken for one of ours.
func namesThenCommand(cmd *cobra.Command, args []string) error {
	switch dash := cmd.ArgsLenAtDash(); {
	case dash < 0:
		return errNoDash
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
	if err != nil && !errors.Is(err, exec.ErrDot) { // a shell takes what stands in "." if PATH says so
		return cannotRun(opts.command[0], err)
	}
	return opts.run(ctx, path)
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
	switch {
	case opts.try && opts.wait > 0:
		return errors.New("--try and --wait exclude each other")
	case opts.conflictCode < 0 || opts.conflictCode > 255:
		return fmt.Errorf("--conflict-exit-code %d: must be 0 to 255", opts.conflictCode)
	case opts.ttl < time.Second || opts.ttl%time.Second != 0:
		return fmt.Errorf("--ttl %s: must be whole seconds, 1s at least", opts.ttl)
	case opts.readOnly:
		return errors.New("exec takes locks: not with --read-only")
	}
	return nil
}

// What shells exit with for a command that they cannot run.
const (
	exitNotExecutable = 126
	exitNotFound      = 127
)

func cannotRun(command string, err error) error {
	var why *exec.Error // whose text names the command again
	if errors.As(err, &why) {
		err = why.Err
	}
	code := exitNotExecutable
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		code, err = exitNotFound, errors.New("command not found")
	}
	return exitError{code: code, err: fmt.Errorf("%s: %w", command, err)}
}

// wants are the locks as rwlock takes them.
func (opts *execOptions) wants() []rwlock.Want {
	var wants []rwlock.Want
	for _, name := range opts.names {
		wants = append(wants, rwlock.Want{Name: name, Mode: opts.mode})
	}
	return wants
}

// say tells the user something while the command has the terminal.
func (opts *execOptions) say(format string, args ...any) {
	_, _ = fmt.Fprintln(opts.err, printable.Text("etcd-lock: "+fmt.Sprintf(format, args...)))
}

// locks names the locks for people.
func (opts *execOptions) locks() string { return strings.Join(opts.names, ", ") }
