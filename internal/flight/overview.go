package flight

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"time"

	"etcd-lock/internal/layout"
)

// Overview is how many requests waited over the time of a recording, and which problems
// were raised.
type Overview struct {
	Begin, End time.Time
	Read       time.Time // what was recorded before is still to be read; Begin if it was
	Waiters    []int     // the most at a time, in equal parts of the time from Begin to End; -1: nothing was recorded
	Raised     []Raised  // in their order
}

// Raised is when a problem was found that was not there before.
type Raised struct {
	Time time.Time
	Finding
}

// Surveyor reads a recording for an Overview, a segment at a time, so that one of millions
// of events is never in memory. It is not safe for concurrent use.
type Surveyor struct {
	path   string
	rules  *layout.Set
	r      *Recording
	parts  map[string]*part // by the path of the segment
	unread []int            // segments, the latest last
}

// NewSurveyor returns a surveyor of the recording at a path, see Open.
func NewSurveyor(path string, rules *layout.Set) *Surveyor {
	return &Surveyor{path: path, rules: rules, parts: map[string]*part{}}
}

// part is what a segment has.
type part struct {
	size       int64
	begin, end time.Time
	waiters    [partCells]int // the most at a time, in equal parts of the time
	before     []Raised       // problems that were known when it began
	raised     []Raised
	after      map[string]bool // the problems at its end
}

const (
	partCells = 32
	// maxRaised bounds the problems that are kept of a segment: the first ones.
	maxRaised = 1000
)

// Begin looks which segments are new or have grown since the last time. After an error, the
// recording is as before.
func (s *Surveyor) Begin() error {
	r, err := Open(s.path, s.rules)
	if err != nil {
		return err
	}
	there := map[string]*part{}
	s.r, s.unread = r, nil
	for i, segment := range r.segments {
		info, err := os.Stat(segment.path)
		if known := s.parts[segment.path]; err == nil && known != nil && known.size == info.Size() {
			there[segment.path] = known
			continue
		}
		s.unread = append(s.unread, i)
	}
	s.parts = there
	return nil
}

// Next reads the latest segment that was not read, and reports whether there was one.
func (s *Surveyor) Next(ctx context.Context) (bool, error) {
	if len(s.unread) == 0 {
		return false, nil
	}
	n := len(s.unread) - 1
	segment := s.r.segments[s.unread[n]]
	p, err := survey(ctx, segment.path)
	if err != nil {
		return false, err
	}
	s.unread = s.unread[:n]
	s.parts[segment.path] = p
	return true, nil
}

// surveyLine is a line without what an overview does not need.
type surveyLine struct {
	Kind    Kind           `json:"kind"`
	Time    Time           `json:"time"`
	Lock    surveyChange   `json:"lock"`
	Changes []surveyChange `json:"changes"`
	Raised  []Finding      `json:"raised"`
	Cleared []Finding      `json:"cleared"`
}

type surveyChange struct {
	Gone []json.RawMessage `json:"gone"`
	Put  []struct {
		Key     json.RawMessage `json:"key"`
		Holding bool            `json:"holding"`
		Term    *struct {
			Holder json.RawMessage `json:"holder"`
		} `json:"term"`
		Slots *struct {
			Holders []json.RawMessage `json:"holders"`
		} `json:"slots"`
	} `json:"put"`
}

// level is how many requests wait from a time on.
type level struct {
	time    time.Time
	waiters int
}

// survey reads a segment, as far as it is whole.
func survey(ctx context.Context, path string) (*part, error) {
	p := &part{after: map[string]bool{}}
	if info, err := os.Stat(path); err == nil {
		p.size = info.Size()
	}
	waiting := map[string]bool{}
	levels := []level{{}}
	begun := false
	err := scan(path, func(l surveyLine) error {
		if !l.Time.IsZero() {
			p.end = l.Time.Time
		}
		if p.begin.IsZero() {
			p.begin = p.end
		}
		p.find(l, begun)
		begun = begun || !l.Kind.opens()
		if l.Kind != KindChange && l.Kind != KindLock {
			return nil
		}
		l.Lock.count(waiting)
		for _, c := range l.Changes {
			c.count(waiting)
		}
		if last := &levels[len(levels)-1]; last.time.Equal(p.end) {
			last.waiters = max(last.waiters, len(waiting))
		} else if last.waiters != len(waiting) {
			levels = append(levels, level{p.end, len(waiting)})
		}
		return ctx.Err()
	})
	if err != nil && !errors.As(err, new(damageError)) {
		return nil, err
	}
	p.level(levels)
	return p, nil
}

// count takes in what has changed of a lock.
func (c surveyChange) count(waiting map[string]bool) {
	for _, key := range c.Gone {
		delete(waiting, string(key))
	}
	for _, r := range c.Put {
		vacant := r.Term != nil && len(r.Term.Holder) == 0 || r.Slots != nil && len(r.Slots.Holders) == 0
		if r.Holding || vacant {
			delete(waiting, string(r.Key))
		} else {
			waiting[string(r.Key)] = true
		}
	}
}

// opens reports whether lines of the kind say what was so when a segment began, if they are the first ones.
func (k Kind) opens() bool {
	return k == KindSegment || k == KindPicture || k == KindLock || k == KindLost
}

// find takes in the problems of a line. The ones with which a segment begins may have been
// there before.
func (p *part) find(l surveyLine, begun bool) {
	for _, f := range l.Cleared {
		delete(p.after, f.id())
	}
	for _, f := range l.Raised {
		p.after[f.id()] = true
		r := Raised{l.Time.Time, f}
		switch {
		case !begun:
			p.before = append(p.before, r)
		case len(p.raised) < maxRaised:
			p.raised = append(p.raised, r)
		}
	}
}

// level notes how many requests waited when.
func (p *part) level(levels []level) {
	cell := func(t time.Time) int {
		return cellOf(t, p.begin, p.end, partCells)
	}
	for i, l := range levels {
		last := partCells - 1
		if i+1 < len(levels) {
			last = cell(levels[i+1].time)
		}
		for c := cell(l.time); c <= last; c++ {
			p.waiters[c] = max(p.waiters[c], l.waiters)
		}
	}
}

// cellOf returns which of n equal parts of the time from begin to end a time is in: the first or the
// last one if it is not between them.
func cellOf(t, begin, end time.Time, n int) int {
	whole := end.Sub(begin)
	if whole <= 0 || !t.After(begin) {
		return 0
	}
	return min(int(float64(t.Sub(begin))/float64(whole)*float64(n)), n-1)
}

// Overview returns what was read so far, in so many parts of the time.
func (s *Surveyor) Overview(cells int) Overview {
	first, last := s.r.segments[0], s.r.segments[len(s.r.segments)-1]
	o := Overview{Begin: first.begin(), End: last.begin(), Read: first.begin(), Waiters: slices.Repeat([]int{-1}, cells)}
	if p := s.parts[last.path]; p != nil {
		o.End = p.end
	}
	var before *part
	for i, segment := range s.r.segments {
		p := s.parts[segment.path]
		if p == nil {
			before = nil
			if i+1 < len(s.r.segments) {
				o.Read = s.r.segments[i+1].begin()
			} else {
				o.Read = o.End
			}
			continue
		}
		o.add(p, before, segment.head.Cause == CauseStart || i > 0 && (segment.head.Cause.Gap() || s.r.segments[i-1].lacksNext()))
		before = p
	}
	slices.SortStableFunc(o.Raised, func(a, b Raised) int { return a.Time.Compare(b.Time) })
	return o
}

// add adds a segment. The problems with which it begins were raised then if there is a gap
// before it, or if they were not there at the end of the segment before.
func (o *Overview) add(p, before *part, gap bool) {
	cells := len(o.Waiters)
	for c := cellOf(p.begin, o.Begin, o.End, cells); c <= cellOf(p.end, o.Begin, o.End, cells); c++ {
		o.Waiters[c] = max(o.Waiters[c], 0)
	}
	step := p.end.Sub(p.begin) / partCells
	for i, n := range p.waiters {
		from := p.begin.Add(time.Duration(i) * step)
		for c := cellOf(from, o.Begin, o.End, cells); c <= cellOf(from.Add(step), o.Begin, o.End, cells); c++ {
			o.Waiters[c] = max(o.Waiters[c], n)
		}
	}
	for _, r := range p.before {
		if gap || before != nil && !before.after[r.id()] {
			o.Raised = append(o.Raised, r)
		}
	}
	o.Raised = append(o.Raised, p.raised...)
}
