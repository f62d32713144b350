package tui

import (
	"slices"
	"time"

	"etcd-lock/internal/inspect"
)

// logCapacity bounds the event log.
const logCapacity = 5000

// entryKind is what a line of the log is about.
type entryKind string

// Besides the kinds of inspect's events, the log has these.
const (
	entryOwn      entryKind = "ours"
	entryError    entryKind = "error"
	entryEtcd     entryKind = "etcd"
	entryScenario entryKind = "scenario"
	entryNote     entryKind = "note"
)

// entry is a line of the log. Its text is printable.
type entry struct {
	id   uint64
	at   time.Time
	kind entryKind
	text string
	lock inspect.LockID // that it is about, if any
}

// eventLog is what has happened, newest last: to the locks, and in the UI.
type eventLog struct {
	entries []*entry
	last    uint64
}

// add logs a text, which is made printable.
func (b *eventLog) add(kind entryKind, at time.Time, text string) {
	b.push(&entry{at: at, kind: kind, text: safe(text)})
}

// addEvent logs what happened to a request.
func (b *eventLog) addEvent(e inspect.Event, now time.Time) {
	text := pad(e.Request.Mode.String(), 5, false) + " " + safe(e.Request.Lock.Name)
	if who := ownerText(e.Request.Owner, e.Request.Owned); who != "-" {
		text += "  " + who
	}
	at := e.Time
	if at.IsZero() {
		at = now
	}
	b.push(&entry{at: at, kind: entryKind(e.Kind), text: text, lock: e.Request.Lock})
}

func (b *eventLog) push(e *entry) {
	b.last++
	e.id = b.last
	b.entries = append(b.entries, e)
	if len(b.entries) >= 2*logCapacity { // rarely, so that a line costs little
		b.entries = slices.Clone(b.entries[len(b.entries)-logCapacity:])
	}
}
