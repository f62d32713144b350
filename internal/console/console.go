// Package console runs the terminal UI on a connection to etcd. It implements the
// interfaces through which the screens read locks, acquire and release them, and
// run scenarios.
package console

import (
	"context"
	"io"
	"os"
	"runtime"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/term"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
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
	ReadOnly    bool     // nothing is written to etcd
	NoColor     bool
	ASCII       bool          // the terminal shows no other characters
	Preferences string        // file; empty: not kept
	AuditLog    string        // file that releases by force are recorded in; empty: none
	DialTimeout time.Duration // for clusters that are started for scenarios
	KeepThreads bool          // the number of threads was chosen by the user

	Out io.Writer // the terminal
	Now func() time.Time
}

// Run shows the terminal UI until the user quits or ctx ends.
func Run(ctx context.Context, c *connect.Conn, o Options) error {
	options := tui.Options{
		Prefixes: keyspace.NewPrefixes(o.Prefixes...),
		Notice:   o.Notice,
		Endpoint: c.Endpoint,
		Source:   source{c.Source},
		Health:   &health{client: c.Client, source: c.Source},
		Past:     past{c},
		Rights:   rights{c},
		ASCII:    o.ASCII,
		ReadOnly: o.ReadOnly,
		NoColor:  o.NoColor,
	}
	if o.Preferences != "" {
		options.Preferences = backend.PrefsFile(o.Preferences)
	}
	if !o.ReadOnly {
		shared := sandbox.Shared(c)
		l := &locker{connect: shared.Connect, timeout: c.Timeout}
		defer l.close()
		log, err := release.OpenAuditLog(o.AuditLog) // first: nothing is released that cannot be recorded
		if err != nil {
			return err
		}
		defer func() { _ = log.Close() }()
		options.Locker = l
		options.Releaser = &releaser{Releaser: release.New(c), audit: release.Audit{Log: log, Now: o.Now}}
		options.Scenarios = scenarios{shared: shared, dialTimeout: o.DialTimeout}
		options.Recorder = scenarioRecorder{source: c.Source, options: recorder.Options{Prefixes: o.Prefixes, Now: o.Now}}
	}
	if n := threads(runtime.GOMAXPROCS(0), runtime.NumCPU()); n > 0 && !o.KeepThreads {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
	}
	// Signals and the end of the terminal end ctx, and that ends the UI: it needs no
	// signal handler of its own.
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	programOptions := []tea.ProgramOption{tea.WithOutput(o.Out), tea.WithoutSignalHandler()}
	if term.IsTerminal(os.Stdin.Fd()) {
		programOptions = append(programOptions, tea.WithInput(terminalInput{os.Stdin, stop}))
	}
	return tui.Run(ctx, options, programOptions...)
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

// source is an inspect.Source whose Watch also says why requests are gone.
type source struct{ *inspect.Source }

// Watch implements backend.Source.
func (s source) Watch(ctx context.Context, prefixes ...string) <-chan inspect.Update {
	return s.WatchKinds(ctx, prefixes...)
}
