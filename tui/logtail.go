package tui

import (
	"slices"
	"strings"
	"time"

	"etcd-lock/internal/inspect"
)

// logTail draws the newest entries in w×h, those that are wanted: all, if want is
// nil.
func logTail(b *eventLog, t *theme, w, h int, want func(*entry) bool) string {
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

// entrySign is the sign and the word of a kind of entry.
func entrySign(t *theme, kind entryKind) sign {
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
	case entryOwn:
		return sign{"* ours", t.own}
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
