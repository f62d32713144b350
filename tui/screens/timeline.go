package screens

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/lanes"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// timeline is what sessions have done, one lane each, with the present at the
// right.
type timeline struct {
	from  time.Time
	began time.Time // of what is known, or from if that is later
	all   []lane
	alike int // more lanes, which are like some of these
}

// lane is one session's spans.
type lane struct {
	session inspect.SessionID
	client  inspect.Request // of the first span
	who     string
	spans   []state.Span
}

// A timeline looks back between laneLeast and laneMost.
const (
	laneLeast = 30 * time.Second
	laneMost  = 5 * time.Minute
)

func newTimeline(spans []state.Span, began, now time.Time) timeline {
	l := timeline{from: now.Add(-min(max(now.Sub(began), laneLeast), laneMost))}
	if l.began = began; l.from.After(began) {
		l.began = l.from
	}
	at := map[inspect.SessionID]int{}
	for _, s := range spans {
		if !s.Ended.IsZero() && s.Ended.Before(l.from) {
			continue
		}
		if s.Vacant() || s.Encrypted {
			continue
		}
		id := s.Session()
		i, ok := at[id]
		if !ok {
			i = len(l.all)
			at[id] = i
			l.all = append(l.all, lane{session: id, client: s.Request, who: state.Who(s.Request)})
		}
		l.all[i].spans = append(l.all[i].spans, s)
	}
	slices.SortStableFunc(l.all, func(a, b lane) int { return cmp.Compare(b.rank(), a.rank()) })
	l.fold()
	return l
}

// fold leaves out the lanes of waiters that are alike, but for the first of many, as they
// look the same.
func (l *timeline) fold() {
	n := map[likeness]int{}
	for _, lane := range l.all {
		if lane.waits() {
			n[likenessOf(lane.client)]++
		}
	}
	shown := map[likeness]int{}
	l.all = slices.DeleteFunc(l.all, func(lane lane) bool {
		like := likenessOf(lane.client)
		if !lane.waits() || n[like] < alikeLeast {
			return false
		}
		shown[like]++
		return shown[like] > alikeShown
	})
	for like := range shown {
		l.alike += n[like] - alikeShown
	}
}

// waits reports whether all that the session has done is to wait.
func (l lane) waits() bool { return len(l.spans) == 1 && l.rank() == 1 }

// rank orders lanes: first the holders, then the waiters, then those that have
// ended.
func (l lane) rank() int {
	rank := 0
	for _, s := range l.spans {
		switch {
		case s.Ended.IsZero() && s.Holding:
			rank = 2
		case s.Ended.IsZero():
			rank = max(rank, 1)
		}
	}
	return rank
}

// laneName returns the width of the names beside lanes of w cells.
func laneName(names []string, w int) int {
	return min(term.Widest(names), max(22, w/5), w/3)
}

// view draws the lanes in w×h, up to a time that is called so.
func (l timeline) view(t *theme.Theme, w, h int, now time.Time, end string) string {
	if len(l.all) == 0 && h > 0 {
		return t.Dim.Render(term.Cut("  no events since the watch began", w))
	}
	shown := l.all
	if len(shown) > h-1 || l.alike > 0 && len(shown) > h-2 {
		shown = shown[:max(h-2, 0)]
	}
	var names []string
	for _, lane := range shown {
		names = append(names, lane.who)
	}
	name := laneName(names, w)
	room := w - name - 1
	if room < 8 || h <= 0 {
		return ""
	}
	var lines []string
	for _, lane := range shown {
		lines = append(lines, term.Pad(clientIn(lane.client, name), name, false)+" "+lane.draw(t, room, l, now))
	}
	if rest := len(l.all) + l.alike - len(shown); rest > 0 {
		lines = append(lines, t.Dim.Render("… "+format.Count(rest, "more session", "more sessions")))
	}
	return strings.Join(append(lines, l.axis(t, name, room, now, end)), "\n")
}

// axis is the time below the lanes.
func (l timeline) axis(t *theme.Theme, name, room int, now time.Time, end string) string {
	began, half := now.Sub(l.from), "-"+format.Age(now.Sub(l.from)/2)
	left := term.Pad("-"+format.Age(began), room/2, false)
	return t.Dim.Render(strings.Repeat(" ", name+1) + left + term.Pad(half, max(room-room/2-len(end), 0), false) + end)
}

func (l lane) draw(t *theme.Theme, w int, in timeline, now time.Time) string {
	row := make([]lanes.Look, w)
	step := max(now.Sub(in.from)/time.Duration(w), 1)
	place := func(at time.Time) int { return min(max(int(at.Sub(in.from)/step), 0), w-1) }
	paint := func(a, b time.Time, what lanes.Look) {
		for i := place(a); i <= place(b); i++ {
			row[i] = max(row[i], what)
		}
	}
	for _, s := range l.spans {
		begin, end := s.Begin(in.began), now
		if !s.Ended.IsZero() {
			end = s.Ended
		}
		granted := s.Granted
		if granted.IsZero() && s.Holding { // before the watch began
			if s.Request.Seen.After(begin) {
				begin = s.Request.Seen // until then it may have waited
			}
			granted = begin
		}
		if granted.IsZero() {
			paint(begin, end, lanes.Waits)
		} else {
			paint(begin, granted, lanes.Waits)
			paint(granted, end, lanes.Holds)
		}
		if s.Lost() {
			paint(end, end, lanes.Lost)
		}
	}
	return widget.DrawLane(t, row)
}

// lockTimeline is what sessions have done with a lock; it is empty where the past has no
// times.
func lockTimeline(c *nav.Context, l inspect.Lock) timeline {
	if c.InPast() && !c.InRecording() {
		return timeline{}
	}
	journal := c.ShownJournal()
	return newTimeline(journal.ForLock(l), journal.Began, c.Clock())
}

// height is the room that the timeline needs to show all of its lanes, with a title.
func (l timeline) height() int { return len(l.all) + 2 + min(l.alike, 1) }

// timelinePanel draws a timeline with its title.
func timelinePanel(c *nav.Context, l timeline, w, h int) string {
	iw, ih := theme.Inner(w, h, false)
	end := "now"
	if c.InRecording() {
		end = "then"
	}
	return c.Theme.Panel("timeline · ▇ holding  ░ waiting  ✗ lost", l.view(c.Theme, iw, ih, c.Clock(), end), w, h, false, false)
}
