package profile

import "time"

// cell is what was waited for one chain at locks of one class, in one part of the time.
type cell struct{ part, class, chain int32 }

// series is the waits over time. Its parts become longer as time goes on, so that it stays
// small.
type series struct {
	limits Limits
	begin  time.Time
	width  time.Duration // of a part
	cells  map[cell]time.Duration
}

// firstWidth is that of the parts of a short time.
const firstWidth = 100 * time.Millisecond

func newSeries(limits Limits) series {
	return series{limits: limits, width: firstWidth, cells: map[cell]time.Duration{}}
}

// add adds a wait. What was before the beginning counts as of the first part.
func (s *series) add(from, to time.Time, class, chain int32) {
	s.fit(to)
	at, end := from.Sub(s.begin), to.Sub(s.begin)
	if end <= 0 {
		s.cells[cell{0, class, chain}] += end - at
	}
	for at < end {
		in := max(at, 0)
		next := min(end, in-in%s.width+s.width)
		s.cells[cell{int32(in / s.width), class, chain}] += next - at
		at = next
	}
	for len(s.cells) > s.limits.Cells && s.width < 1<<61 {
		s.widen()
	}
}

// fit makes the parts so long that a time is in one of them.
func (s *series) fit(t time.Time) {
	for int64(t.Sub(s.begin)/s.width) >= int64(s.limits.Parts) {
		s.widen()
	}
}

// widen joins each two parts.
func (s *series) widen() {
	s.width *= 2
	wider := make(map[cell]time.Duration, len(s.cells)/2)
	for c, d := range s.cells {
		wider[cell{c.part / 2, c.class, c.chain}] += d
	}
	s.cells = wider
}
