package tui

import (
	"slices"
	"strings"
	"time"

	"etcd-lock/internal/inspect"
)

// logCapacity bounds the event log.
const logCapacity = 2000

// entryKind is where a line of the log comes from.
type entryKind string

// Beside inspect's event kinds the log has these.
const (
	entryOurs     entryKind = "ours"
	entryError    entryKind = "error"
	entryEtcd     entryKind = "etcd"
	entryScenario entryKind = "scenario"
)

// entry is a line of the log. Its text is printable.
type entry struct {
	at   time.Time
	kind entryKind
	text string
}

// logPane is what has happened, newest last. It follows the newest until it is
// scrolled up or paused; then it stands still while lines come in below.
type logPane struct {
	*common
	entries []entry
	back    int // lines between the last one shown and the newest
	height  int
}

// add takes text as it came.
func (p *logPane) add(kind entryKind, at time.Time, text string) {
	p.push(entry{at: at, kind: kind, text: safe(text)})
}

// addEvent logs a change in a request's standing.
func (p *logPane) addEvent(e inspect.Event) {
	text := pad(e.Request.Mode.String(), 5, false) + " " + safe(e.Request.Lock.Name)
	if who := ownerText(e.Request.Owner, e.Request.Owned); who != "-" {
		text += "  " + who
	}
	at := e.Time
	if at.IsZero() {
		at = p.now
	}
	p.push(entry{at: at, kind: entryKind(e.Kind), text: text})
}

func (p *logPane) push(e entry) {
	p.entries = append(p.entries, e)
	if p.back > 0 || p.paused {
		p.back++
	}
	if len(p.entries) >= 2*logCapacity { // rarely, so that a line costs little
		p.entries = slices.Clone(p.entries[len(p.entries)-logCapacity:])
	}
	p.settle()
}

// move scrolls by delta lines.
func (p *logPane) move(delta int) {
	p.back -= delta
	p.settle()
}

// follow goes back to the newest line.
func (p *logPane) follow() { p.back = 0 }

func (p *logPane) settle() {
	p.back = min(max(p.back, 0), max(len(p.entries)-max(p.height, 1), 0))
}

func (p *logPane) resize(_, h int) {
	p.height = h
	p.settle()
}

func (p *logPane) title() string {
	if p.back > 0 {
		return "events · " + count(p.back, "newer line", "newer lines") + " below"
	}
	return "events"
}

func (p *logPane) view(w, h int, _ bool) string {
	to := max(len(p.entries)-p.back, 0)
	from := max(to-max(h, 0), 0)
	lines := make([]string, 0, to-from)
	for _, e := range p.entries[from:to] {
		s := p.sign(e.kind)
		head := p.styles.dim.Render(e.at.Format(time.TimeOnly)) + " " + s.style.Render(pad(s.text, 10, false)) + " "
		lines = append(lines, cut(head+e.text, w))
	}
	if len(lines) == 0 {
		lines = []string{p.styles.dim.Render(cut("nothing has happened yet", w))}
	}
	return strings.Join(lines, "\n")
}

func (p *logPane) sign(kind entryKind) sign {
	st := p.styles
	switch kind {
	case entryKind(inspect.EventAcquired):
		return sign{"● acquired", st.holding}
	case entryKind(inspect.EventWaiting):
		return sign{"○ waiting", st.waiting}
	case entryKind(inspect.EventReleased):
		return sign{"· released", st.free}
	case entryKind(inspect.EventLeft):
		return sign{"· left", st.free}
	case entryOurs:
		return sign{"* ours", st.ours}
	case entryError:
		return sign{"✗ error", st.lost}
	case entryScenario:
		return sign{"▶ scenario", st.title}
	case entryEtcd:
		return sign{"! etcd", st.expiring}
	default:
		return sign{"  " + safe(string(kind)), st.plain}
	}
}
