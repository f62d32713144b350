package nav

import (
	"slices"

	"etcd-lock/internal/inspect"
)

// Kind is a kind of screen.
type Kind int

// The views come first, in the order of their numbers; the others are opened
// from them.
const (
	KindLocks Kind = iota + 1
	KindSessions
	KindProblems
	KindClients
	KindScenarios
	KindPast
	KindEvents
	KindHot
	KindLock
	KindSession
	KindHistory
	KindText
	KindCommands
	KindNotifications

	LastView = KindHot
	LastKind = KindNotifications
)

var kindNames = []string{
	"", "locks", "sessions", "problems", "clients", "scenarios", "past", "events", "hot", "lock", "session", "history", "description", "commands", "notifications",
}

// String is the kind in the bar, in commands and in names of files.
func (k Kind) String() string { return kindNames[k] }

// KindNames are the names of the kinds up to last.
func KindNames(last Kind) []string { return kindNames[KindLocks : last+1] }

// KindOf returns the kind with a name, up to last; 0: there is none.
func KindOf(name string, last Kind) Kind { return Kind(slices.Index(KindNames(last), name) + 1) }

// IsView reports whether there is one screen of that kind, which has a number.
func (k Kind) IsView() bool { return k <= LastView }

// Ref names a screen: its kind and, unless it is a view, what it shows.
type Ref struct {
	Kind    Kind
	Lock    inspect.LockID    // of KindLock and KindHistory
	Session inspect.SessionID // of KindSession
	Text    *Text             // of KindText
}

// Text is a text to read and to copy. Its lines are printable, and as long as they may be.
type Text struct {
	Title string
	Lines []string
}

// OpenView goes to a view.
func OpenView(k Kind) Open { return Open{Ref{Kind: k}} }

// OpenLock goes to the screen of a lock.
func OpenLock(id inspect.LockID) Open { return Open{Ref{Kind: KindLock, Lock: id}} }

// OpenSession goes to the screen of a session.
func OpenSession(id inspect.SessionID) Open { return Open{Ref{Kind: KindSession, Session: id}} }

// OpenHistory goes to the history of a lock.
func OpenHistory(id inspect.LockID) Open { return Open{Ref{Kind: KindHistory, Lock: id}} }
