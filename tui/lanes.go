package tui

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"etcd-lock/internal/inspect"
)

// lanes are what sessions have done with a lock, a lane each, the latest at
// the right.
type lanes struct {
	from time.Time
	all  []lane
}

// lane is one session's spans.
type lane struct {
	session inspect.SessionID
	who     string
	spans   []life
}

// laneLeast and laneMost are how far a timeline looks back.
const (
	laneLeast = 30 * time.Second
	laneMost  = 5 * time.Minute
)

func newLanes(spans []life, began, now time.Time) lanes {
	l := lanes{from: now.Add(-min(max(now.Sub(began), laneLeast), laneMost))}
	at := map[inspect.SessionID]int{}
	for _, s := range spans {
		if !s.over.IsZero() && s.over.Before(l.from) {
			continue
		}
		id := s.Session()
		i, ok := at[id]
		if !ok {
			i = len(l.all)
			at[id] = i
			who := ownerText(s.Owner, s.Owned)
			if who == "-" {
				who = sessionText(s.Request)
			}
			l.all = append(l.all, lane{session: id, who: who})
		}
		l.all[i].spans = append(l.all[i].spans, s)
	}
	slices.SortStableFunc(l.all, func(a, b lane) int { return cmp.Compare(b.rank(), a.rank()) })
	return l
}

// rank puts those first who hold, then who waits, then who has gone.
func (l lane) rank() int {
	rank := 0
	for _, s := range l.spans {
		switch {
		case s.over.IsZero() && s.Holding:
			rank = 2
		case s.over.IsZero():
			rank = max(rank, 1)
		}
	}
	return rank
}

// laneName is the room for who it is: what the widest takes, in so wide a lane.
func laneName(names []string, w int) int {
	widest := 0
	for _, n := range names {
		widest = max(widest, width(n))
	}
	return min(widest, max(22, w/5), w/3)
}

func (l lanes) view(t theme, w, h int, now time.Time) string {
	if len(l.all) == 0 && h > 0 {
		return t.dim.Render(cut("  nothing has happened since the watch began", w))
	}
	shown := l.all
	if len(shown) > h-1 {
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
		lines = append(lines, pad(lane.who, name, false)+" "+lane.draw(t, room, l.from, now))
	}
	if rest := len(l.all) - len(shown); rest > 0 {
		lines = append(lines, t.dim.Render("… "+count(rest, "more session", "more sessions")))
	}
	return strings.Join(append(lines, l.axis(t, name, room, now)), "\n")
}

// axis says when it was.
func (l lanes) axis(t theme, name, room int, now time.Time) string {
	began, half := now.Sub(l.from), "-"+span(now.Sub(l.from)/2)
	left := pad("-"+span(began), room/2, false)
	return t.dim.Render(strings.Repeat(" ", name+1) + left + pad(half, max(room-room/2-3, 0), false) + "now")
}

// What a cell of a lane shows; the greater one wins.
const (
	laneNothing = iota
	laneWaiting
	laneHolding
	laneLost
)

func (l lane) draw(t theme, w int, from, now time.Time) string {
	cells := make([]byte, w)
	step := max(now.Sub(from)/time.Duration(w), 1)
	place := func(at time.Time) int { return min(max(int(at.Sub(from)/step), 0), w-1) }
	paint := func(a, b time.Time, what byte) {
		for i := place(a); i <= place(b); i++ {
			cells[i] = max(cells[i], what)
		}
	}
	for _, s := range l.spans {
		begin, end := s.begin(from), now
		if !s.over.IsZero() {
			end = s.over
		}
		granted := s.granted
		if granted.IsZero() && s.Holding {
			granted = begin // before the watch began
		}
		if granted.IsZero() {
			paint(begin, end, laneWaiting)
		} else {
			paint(begin, granted, laneWaiting)
			paint(granted, end, laneHolding)
		}
		if s.lost() {
			paint(end, end, laneLost)
		}
	}
	return drawLane(t, cells)
}

// begin is when the request was made, as far as it is known.
func (s life) begin(from time.Time) time.Time {
	switch {
	case !s.seen.IsZero():
		return s.seen
	case !s.Since.IsZero():
		return s.Since
	default:
		return from
	}
}

// lost reports whether the request has gone with its session.
func (s life) lost() bool { return s.how == inspect.EventExpired || s.how == inspect.EventRevoked }

func drawLane(t theme, cells []byte) string {
	signs := []sign{{" ", t.plain}, {"░", t.waiting}, {"▇", t.holding}, {"✗", t.lost}}
	var b strings.Builder
	for i := 0; i < len(cells); {
		n := i
		for n < len(cells) && cells[n] == cells[i] {
			n++
		}
		s := signs[cells[i]]
		b.WriteString(s.style.Render(strings.Repeat(s.text, n-i)))
		i = n
	}
	return b.String()
}
