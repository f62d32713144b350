package tui

import (
	"slices"
	"strings"
	"time"

	"etcd-lock/internal/inspect"
)

// logCapacity bounds the event log.
const logCapacity = 5000

// entryKind is where a line of the log comes from.
type entryKind string

// Beside inspect's event kinds the log has these.
const (
	entryOurs     entryKind = "ours"
	entryError    entryKind = "error"
	entryEtcd     entryKind = "etcd"
	entryScenario entryKind = "scenario"
	entryNote     entryKind = "note"
)

// noteMsg logs something and says it on the flash line.
type noteMsg struct {
	kind entryKind
	text string
}

// entry is a line of the log. Its text is printable.
type entry struct {
	id   uint64
	at   time.Time
	kind entryKind
	text string
	lock inspect.LockID // that it is about, if any
}

// logBook is what has happened, newest last: to the locks, and to us. What was
// on the flash line is in it too.
type logBook struct {
	entries []*entry
	last    uint64
}

// add takes text as it came.
func (b *logBook) add(kind entryKind, at time.Time, text string) {
	b.push(&entry{at: at, kind: kind, text: safe(text)})
}

// addEvent logs a change in a request's standing.
func (b *logBook) addEvent(e inspect.Event, now time.Time) {
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

func (b *logBook) push(e *entry) {
	b.last++
	e.id = b.last
	b.entries = append(b.entries, e)
	if len(b.entries) >= 2*logCapacity { // rarely, so that a line costs little
		b.entries = slices.Clone(b.entries[len(b.entries)-logCapacity:])
	}
}

// tail draws the newest entries in w×h, those that are wanted: all, if want is
// nil.
func (b *logBook) tail(t theme, w, h int, want func(*entry) bool) string {
	var entries []*entry
	for i := len(b.entries) - 1; i >= 0 && len(entries) < h; i-- {
		if want == nil || want(b.entries[i]) {
			entries = append(entries, b.entries[i])
		}
	}
	lines := make([]string, 0, len(entries))
	for _, e := range slices.Backward(entries) {
		s := entrySign(t, e.kind)
		head := t.dim.Render(e.at.Format(time.TimeOnly)) + " " + s.style.Render(pad(s.text, 10, false)) + " "
		lines = append(lines, cut(head+e.text, w))
	}
	if len(lines) == 0 {
		lines = []string{t.dim.Render(cut("nothing has happened since the watch began", w))}
	}
	return strings.Join(lines, "\n")
}

func entrySign(t theme, kind entryKind) sign {
	switch kind {
	case entryKind(inspect.EventAcquired):
		return sign{"● acquired", t.holding}
	case entryKind(inspect.EventWaiting):
		return sign{"○ waiting", t.waiting}
	case entryKind(inspect.EventReleased):
		return sign{"· released", t.free}
	case entryKind(inspect.EventLeft):
		return sign{"· left", t.free}
	case entryKind(inspect.EventExpired), entryKind(inspect.EventRevoked):
		return sign{"✗ " + string(kind), t.lost}
	case entryOurs:
		return sign{"* ours", t.ours}
	case entryError:
		return sign{"✗ error", t.lost}
	case entryScenario:
		return sign{"▶ scenario", t.title}
	case entryEtcd:
		return sign{"! etcd", t.expiring}
	case entryNote:
		return sign{"· note", t.dim}
	default:
		return sign{"  " + safe(string(kind)), t.plain}
	}
}
