// Package console runs the terminal UI on a connection to etcd. It implements the
// interfaces through which the screens read locks, acquire and release them, and
// run scenarios.
package console

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/term"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/hooks"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/lockclass"
	"etcd-lock/internal/recorder"
	"etcd-lock/internal/release"
	"etcd-lock/internal/sandbox"
	"etcd-lock/tui"
	"etcd-lock/tui/backend"
)

// Options are the options of the terminal UI.
type Options struct {
	Prefixes    []string // only locks below these are shown; empty: all
	Notice      string   // is shown at the start; empty: nothing
	Tour        Tour     // what the bottom line points at
	ReadOnly    bool     // nothing is written to etcd
	Locked      bool     // the user cannot change that
	NoColor     bool
	ASCII       bool                 // the terminal shows no other characters
	Preferences *backend.Preferences // shared by all clusters; nil: not kept
	AuditLog    string               // file that releases by force are recorded in; empty: none
	CommandLog  string               // file that what was done is appended to, as commands; empty: none
	Signals     []string             // that the terminal is sent to notify the user
	Notify      hooks.Program        // that is told what the user is notified of; nil: none
	DialTimeout time.Duration        // for clusters that are started for scenarios
	KeepThreads bool                 // the number of threads was chosen by the user

	Classes lockclass.Rules // which locks are counted together

	Keys     []backend.Key
	Commands []backend.Command // on rows
	Context  backend.Context   // that is shown; its zero value: etcd has no name
	Contexts backend.Contexts  // that the user can go to; nil: none

	Recording string    // what a recorder kept; empty: nothing
	At        time.Time // begin with the locks as they were then; zero: they are as they are
	Revision  int64     // likewise, at a revision; 0: as they are

	Out io.Writer // the terminal
	Now func() time.Time
}

// Tour leads a newcomer, in steps.
type Tour = backend.Tour

// TourStep is said while something is wrong with a lock.
type TourStep = backend.TourStep

// OpenPreferences reads what the user has chosen from a file, and keeps it there. An empty name
// keeps nothing.
func OpenPreferences(file string) *backend.Preferences {
	return backend.OpenPreferences(backend.PrefsFile(file))
}

// Run shows the terminal UI on an etcd, until the user quits or ctx ends. With a recording
// of that etcd, time travel goes on in it.
func Run(ctx context.Context, c *connect.Conn, o Options) error {
	options, end, err := Open(ctx, c, o)
	if err != nil {
		return err
	}
	defer end()
	return o.show(ctx, options)
}

// Open returns the options of the UI on an etcd, and what ends that they have begun.
func Open(ctx context.Context, c *connect.Conn, o Options) (options tui.Options, end func(), err error) {
	options, end = o.common(), func() {}
	options.Endpoint, options.Flags = c.Endpoint, c.Flags
	options.Source = source{c.Source}
	options.Health = &health{client: c.Client, source: c.Source}
	options.Past = past{c}
	options.Rights = rights{c}
	if o.Recording != "" {
		r := newRecording(o.Recording, c.Source.Layouts(), o.Classes)
		r.cluster = c.ClusterID(ctx, options.Prefixes)
		if err := r.check(ctx); err != nil {
			return options, nil, err
		}
		options.Past, options.Archive = joined{past{c}, r}, r
	}
	if !o.ReadOnly || !o.Locked {
		shared := sandbox.Shared(c)
		l := &locker{connect: shared.Connect, timeout: c.Timeout}
		log, err := release.OpenAuditLog(o.AuditLog) // first: nothing is released that cannot be recorded
		if err != nil {
			return options, nil, err
		}
		end = func() {
			l.close()
			_ = log.Close()
		}
		options.Locker = l
		options.Releaser = &releaser{Releaser: release.New(c), audit: release.Audit{Log: log, Now: o.Now}}
		options.Scenarios = scenarios{shared: shared, dialTimeout: o.DialTimeout}
		options.Recorder = scenarioRecorder{source: c.Source, options: recorder.Options{Prefixes: o.Prefixes, Now: o.Now}}
	}
	return options, end, nil
}

// Replay shows the terminal UI on a recording, without an etcd.
func Replay(ctx context.Context, rules *layout.Set, o Options) error {
	options := o.common()
	if options.Start == (backend.Place{}) {
		options.Start.End = true
	}
	r := newRecording(o.Recording, rules, o.Classes)
	if err := r.begin(ctx, options.Prefixes, options.Start); err != nil {
		return err
	}
	options.Endpoint, options.ReadOnly, options.Past, options.Archive = o.Recording, true, r, r
	return o.show(ctx, options)
}

// common returns the options of the UI that do not depend on what it shows.
func (o Options) common() tui.Options {
	options := tui.Options{
		Prefixes: keyspace.NewPrefixes(o.Prefixes...),
		Notice:   o.Notice,
		Tour:     o.Tour,
		ASCII:    o.ASCII,
		ReadOnly: o.ReadOnly,
		Locked:   o.Locked,
		Context:  o.Context,
		Keys:     o.Keys,
		Contexts: o.Contexts,
		NoColor:  o.NoColor,
		Classes:  o.Classes,
		Suspend:  suspend,

		Preferences: o.Preferences,

		Signals: o.Signals,
		Start:   backend.Place{Time: o.At, Revision: o.Revision},
	}
	if o.Notify != nil {
		options.Notifier = notifier{o.Notify}
	}
	if o.CommandLog != "" {
		options.Commands = commandLog(o.CommandLog)
	}
	if len(o.Commands) > 0 {
		options.RowCommands = commands(o.Commands)
	}
	return options
}

// CheckKeys returns what is wrong with keys and commands, if anything is: a
// *backend.KeyError.
func CheckKeys(keys []backend.Key, all []backend.Command) error {
	return tui.CheckKeys(tui.Options{Keys: keys, RowCommands: commands(all)})
}

// RunSeveral shows the terminal UI on several etcds in one table, until the user quits or ctx
// ends. It ends their connections.
func RunSeveral(ctx context.Context, members []backend.Member, o Options) error {
	return o.onTerminal(ctx, func(ctx context.Context, programOptions ...tea.ProgramOption) error {
		return tui.RunSeveral(ctx, members, o.NoColor, programOptions...)
	})
}

// show runs the UI.
func (o Options) show(ctx context.Context, options tui.Options) error {
	return o.onTerminal(ctx, func(ctx context.Context, programOptions ...tea.ProgramOption) error {
		return tui.Run(ctx, options, programOptions...)
	})
}

// onTerminal runs the UI as the terminal needs it.
func (o Options) onTerminal(ctx context.Context, run func(context.Context, ...tea.ProgramOption) error) error {
	if n := threads(runtime.GOMAXPROCS(0), runtime.NumCPU()); n > 0 && !o.KeepThreads {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
	}
	// Signals and the end of the terminal end ctx, and that ends the UI: it needs no
	// signal handler of its own.
	ctx, stop := withQuit(ctx)
	defer stop()
	programOptions := []tea.ProgramOption{tea.WithOutput(o.Out), tea.WithoutSignalHandler()}
	if term.IsTerminal(os.Stdin.Fd()) {
		programOptions = append(programOptions, tea.WithInput(terminalInput{os.Stdin, stop}))
	}
	return run(ctx, programOptions...)
}

// withQuit returns a context that SIGQUIT ends, as other signals have ended ctx. Go would
// print all goroutines to the terminal, which is not in a state to show them, and would
// never end if nobody reads from it. A second SIGQUIT does that.
func withQuit(ctx context.Context) (quits context.Context, stop func()) {
	if signal.Ignored(syscall.SIGQUIT) { // it stays so
		return context.WithCancel(ctx)
	}
	quits, stop = signal.NotifyContext(ctx, syscall.SIGQUIT)
	context.AfterFunc(quits, stop)
	return quits, stop
}

// threads returns how many threads the UI should run on if that is more than Go
// has chosen, and otherwise 0. On two cores, a diagnosis and the garbage collector
// occupy both of Go's threads for 10 ms and more, and a key press waits for one of
// them; the kernel's scheduler makes it wait for less. Where the process may not use
// all cores, more threads would be throttled for it.
func threads(chosen, cores int) int {
	const enough = 4
	if chosen < cores || cores >= enough {
		return 0
	}
	return enough
}
