package state

import (
	"slices"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/tui/term"
)

// LogCapacity bounds the event log.
const LogCapacity = 5000

// EntryKind is what a line of the log is about.
type EntryKind string

// Besides the kinds of inspect's events, the log has these.
const (
	EntryOwn      EntryKind = "yours"
	EntryError    EntryKind = "error"
	EntryEtcd     EntryKind = "etcd"
	EntryScenario EntryKind = "scenario"
	EntryNote     EntryKind = "note"
	EntryProblem  EntryKind = "problem" // that a recorder found
)

// Entry is a line of the log. Its text is printable.
type Entry struct {
	ID   uint64
	At   time.Time
	Kind EntryKind
	Text string
	Lock inspect.LockID // that it is about, if any
}

// Log is the event log, newest last: events of locks and messages of the UI.
type Log struct {
	Entries []*Entry
	Last    uint64
	Past    bool // it is of what was recorded
}

// Add logs a text, which is made printable.
func (b *Log) Add(kind EntryKind, at time.Time, text string) {
	b.push(&Entry{At: at, Kind: kind, Text: term.Safe(text)})
}

// AddEvent logs what happened to a request.
func (b *Log) AddEvent(e inspect.Event, now time.Time) {
	text := term.Pad(e.Request.Mode.String(), 5, false) + " " + term.Name(e.Request.Lock.Name)
	if e.Kind.OfOther() {
		text = otherText(e)
	} else if who := term.Owner(e.Request.Owner.Value()); who != "-" {
		text += "  " + who
	}
	at := e.Time
	if at.IsZero() {
		at = now
	}
	b.push(&Entry{At: at, Kind: EntryKind(e.Kind), Text: text, Lock: e.Lock()})
}

// otherText says which key is in the way of a lock's requests, or was.
func otherText(e inspect.Event) string {
	what := ", " + e.Request.AsOther() + ", is in the way of "
	if e.Request.IsRequest() {
		what = ", a request of " + e.Request.Who() + ", is in the way of "
	}
	if e.Kind == inspect.EventCleared {
		what = " is no longer in the way of "
	}
	return term.Safe(e.Request.Key + what + format.Name(e.Blocked.Name))
}

func (b *Log) push(e *Entry) {
	b.Last++
	e.ID = b.Last
	b.Entries = append(b.Entries, e)
	if len(b.Entries) >= 2*LogCapacity { // rarely, so that a line costs little
		b.Entries = slices.Clone(b.Entries[len(b.Entries)-LogCapacity:])
	}
}

// Until returns the log up to a time.
func (b *Log) Until(t time.Time) *Log {
	n := len(b.Entries)
	for n > 0 && b.Entries[n-1].At.After(t) {
		n--
	}
	return &Log{Entries: b.Entries[:n:n], Last: b.Last, Past: b.Past}
}
