// Package nav is what screens and root say to each other: screens by reference,
// the actions that a screen asks for, and the context that all screens read.
package nav

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/widget"
)

// Action is what a screen, a prompt, a dialog or an effect asks the root to do;
// nil is nothing.
type Action = widget.Action

// The actions. A screen, a prompt, a dialog or an effect returns one, and the
// root does it before it looks at the next message, so that what is typed
// meanwhile goes where it should.
type (
	// Batch is several actions, in their order.
	Batch []Action
	// Do runs a command, which is for I/O only.
	Do struct{ Cmd tea.Cmd }
	// Refresh updates the front screen, unless the display is frozen, or all
	// screens. Judged says that there is a new verdict.
	Refresh struct{ All, Judged bool }

	// Restyle has all screens look as the user has chosen.
	Restyle struct{}
	// SavePrefs keeps what the user has chosen.
	SavePrefs struct{}
	// Export writes a table into a file, which must be new.
	Export struct {
		Table widget.Sheet
		Path  string
	}
	// Copy sends texts to the clipboard of the terminal. What names them.
	Copy struct {
		Texts []string
		What  string
	}
	// CompleteFolder leads to Completions of the folder of a path.
	CompleteFolder struct{ Path string }
	// Notify has the user be told of something, once.
	Notify struct{ Of state.Notification }
	// EndNotification ends that.
	EndNotification struct{ ID uint64 }
	// Reload reads again what is not watched: leases, etcd's status, problems.
	Reload struct{}

	// GoContext goes to another cluster, or to several, by their names with commas between.
	GoContext struct{ Name string }
	// In goes to the lock of a cluster that the table shows too, and opens it.
	In struct {
		Of   *Context
		Lock inspect.LockID
	}
	// RunCommand runs a program for a row.
	RunCommand struct {
		Name       string
		Line       backend.CommandLine
		Background bool
	}
	// ReadOnly forbids to write to etcd, or allows it.
	ReadOnly struct{ On bool }
	// Open puts a screen in front. If the view is open already, the screens opened
	// from it are closed.
	Open struct{ Ref Ref }
	// Select goes to the locks, and puts the cursor on one, which need not exist.
	Select struct{ Lock inspect.LockID }
	// FilterLocks goes to the locks that a filter shows.
	FilterLocks struct{ Filter string }
	// SelectScenario puts the cursor of the scenarios on one.
	SelectScenario struct{ Name string }
	// Say puts a text on the status line and into the log.
	Say struct {
		Kind state.EntryKind
		Text string
	}
	// Flash puts a text on the status line only.
	Flash struct {
		Text  string
		Error bool
	}
	// Quiet clears the message on the status line.
	Quiet struct{}
	// Ask opens a dialog, and does Yes if that is the answer.
	Ask struct {
		Dialog *widget.Dialog
		Yes    Action
		Waits  bool // for Planned, which takes its place

		Program bool // it is about the whole program, and not about one cluster
	}
	// Prompt asks for a line of text.
	Prompt struct {
		Label, Value string
		// Accept takes the line. An error is shown, and the line stays open.
		Accept func(text string) (Action, error)
		// Complete asks for completions of the text, and leads to Completions. nil:
		// there are none.
		Complete func(text string) Action
	}
	// Pick asks to choose one of several, in a list.
	Pick struct {
		Title  string
		Items  []string // any text
		Accept func(index int) Action
	}
	// Completions are the completions of the open prompt, if its text is still the
	// same.
	Completions struct {
		Text       string
		Candidates []string
	}
)

// Actions on locks.
type (
	// Take asks for a lock.
	Take struct {
		Lock   inspect.LockID
		Mode   keyspace.Mode
		Client *state.OwnClient // nil: the first one
		Within time.Duration    // 0: it waits without a deadline
		Sure   bool             // else the user is asked first, if others use the lock
	}
	// Unlock releases or cancels an own request for a lock: the one with that
	// key, else the latest.
	Unlock struct {
		Lock inspect.LockID
		Key  string
	}
	// UnlockRequest releases or cancels an own request. One that has ended is
	// taken off the list.
	UnlockRequest struct{ Request *state.OwnRequest }
	// OpenClient adds an own client and opens its session.
	OpenClient struct {
		Label string
		TTL   time.Duration
	}
	// ControlClient does something to the session of an own client.
	ControlClient struct {
		Client *state.OwnClient
		To     ClientAction
	}
	// PlanRelease asks what a forced release would do, in a dialog that leads to
	// ApplyRelease.
	PlanRelease struct{ Target diagnose.Target }
	// Planned asks, in place of the dialog that waits for it, whether a plan is to
	// be carried out.
	Planned struct {
		Target diagnose.Target
		Plan   backend.Release
		Err    error // it could not be planned
	}
	// ApplyRelease carries out a plan that the user has agreed to.
	ApplyRelease struct {
		Target diagnose.Target
		Plan   backend.Release
	}
	// NotApplied offers to plan again what could not be carried out.
	NotApplied struct {
		Target diagnose.Target
		Err    error
	}
)

// Actions on time and scenarios.
type (
	// Freeze shows a frozen snapshot until the next one, or the live one if nil.
	Freeze struct{ To *state.Frozen }
	// GoTo shows the locks as they were at a place of the past.
	GoTo struct{ Place backend.Place }
	// GoToGrant shows the locks as they were when a request was granted.
	GoToGrant struct{ Request inspect.Request }
	// GoLive shows the locks as they are or, without a present, at the end of the
	// recording.
	GoLive struct{}
	// Step goes one change back (-1) or on (1).
	Step struct{ By int }
	// ReadHistory reads the changes up to a place, the zero Place being the one that is
	// shown.
	ReadHistory struct{ Until backend.Place }
	// ToMark goes to when a problem was found: the next one (1), or the one before (-1).
	ToMark struct{ By int }
	// Scrub goes to a time of the recording that is so much later, or earlier.
	Scrub struct{ By time.Duration }
	// Play has a recording pass by itself, or stops that.
	Play struct{}
	// PlaySpeed is the factor by which its time passes faster.
	PlaySpeed struct{ Speed int }

	// RunScenario starts a scenario, unless one is running.
	RunScenario struct {
		Scenario backend.Scenario
		Paused   bool // before its first step
		Speed    float64
	}
	// StopScenario stops the one that is running.
	StopScenario struct{}
	// ReadScenario reads a scenario from a file.
	ReadScenario struct{ Path string }
	// CompletePath leads to Completions of the path of a file.
	CompletePath struct{ Path string }
	// StartRecording records the watched locks into a new file.
	StartRecording struct{ Path string }
	// StopRecording ends that.
	StopRecording struct{}
)

// ClientAction is what can be done to the session of an own client.
type ClientAction int

// Pausing a paused client resumes it; closing a closed one removes it.
const (
	ClientOpen ClientAction = iota
	ClientPause
	ClientCrash
	ClientClose
)

// ReleaseTitle names what a forced release does.
func ReleaseTitle(t diagnose.Target) string {
	if t.Lease != 0 {
		return "revoke session " + term.Lease(t.Lease, 16)
	}
	return "release a request"
}

// Note says something that has just happened.
func Note(text string) Say { return Say{state.EntryNote, text} }

// Fail says that something did not work.
func Fail(text string) Say { return Say{state.EntryError, text} }
