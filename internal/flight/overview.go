package flight

import (
	"context"
	"os"
	"slices"
	"time"

	"etcd-lock/internal/inspect"
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
	opener Opener
	r      *Recording
	known  map[segmentID]*stretch
	unread []int // segments, the latest last
}

// NewSurveyor returns a surveyor of the recording at a path, see Open.
func NewSurveyor(path string, rules *layout.Set) *Surveyor {
	return &Surveyor{opener: Opener{Path: path, Rules: rules}, known: map[segmentID]*stretch{}}
}

// segmentID identifies a segment of a recording.
type segmentID struct {
	number  int64
	through int64
	begin   int64
}

func (s segment) id() segmentID {
	return segmentID{s.head.Number, s.head.Through, s.begin().UnixNano()}
}

// stretch is what a segment has.
type stretch struct {
	closed     bool // it is not written any more
	size       int64
	begin, end time.Time
	waiters    [stretchCells]int // the most at a time, in equal parts of the time
	before     []Raised          // problems that may have been there when it began
	raised     []Raised
	after      map[string]bool // the problems at its end
}

const (
	stretchCells = 32
	// maxRaised bounds the problems that are kept of a segment: the first ones.
	maxRaised = 1000
)

// Begin looks which segments are new or have grown since the last time. After an error, the
// recording is as before.
func (s *Surveyor) Begin() error {
	r, err := s.opener.Open()
	if err != nil {
		return err
	}
	there := map[segmentID]*stretch{}
	s.r, s.unread = r, nil
	for i, segment := range r.segments {
		known := s.known[segment.id()]
		if known != nil && (known.closed || known.size == sizeOf(segment.path)) {
			there[segment.id()] = known
			continue
		}
		s.unread = append(s.unread, i)
	}
	s.known = there
	return nil
}

func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return -1
	}
	return info.Size()
}

// Next reads the latest segment that was not read, and reports whether there was one.
func (s *Surveyor) Next(ctx context.Context) (bool, error) {
	if len(s.unread) == 0 {
		return false, nil
	}
	n := len(s.unread) - 1
	i := s.unread[n]
	known, err := s.r.survey(ctx, i)
	if err != nil {
		return false, err
	}
	s.unread = s.unread[:n]
	s.known[s.r.segments[i].id()] = known
	return true, nil
}

// level is how many requests wait from a time on.
type level struct {
	time    time.Time
	waiters int
}

// survey reads a segment, as far as it is whole.
func (r *Recording) survey(ctx context.Context, i int) (*stretch, error) {
	one := r.only(i, i)
	s := &stretch{begin: one.segments[0].begin(), size: sizeOf(one.segments[0].path), closed: i < len(r.segments)-1, after: map[string]bool{}}
	s.end = s.begin
	if end, ok := r.endOf(i); ok {
		s.end = end.Time.Time
	}
	waiting := map[string]bool{}
	levels := []level{{}}
	begun := false
	err := one.Replay(func(step Step) error {
		if step.Time.After(s.end) {
			s.end = step.Time
		}
		s.find(step, begun)
		begun = begun || step.Kind == KindChange
		if !step.Changes() {
			return ctx.Err()
		}
		count(step, waiting)
		if last := &levels[len(levels)-1]; last.time.Equal(step.Time) {
			last.waiters = max(last.waiters, len(waiting))
		} else if last.waiters != len(waiting) {
			levels = append(levels, level{step.Time, len(waiting)})
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	s.level(levels)
	return s, nil
}

// endOf returns where a segment ends, as far as it is known.
func (r *Recording) endOf(i int) (Mark, bool) {
	if i == len(r.segments)-1 {
		return r.lastEnd()
	}
	return r.segments[i].end()
}

// count takes in which requests wait after a step.
func count(s Step, waiting map[string]bool) {
	if s.Kind == KindPicture || s.Missed > 0 {
		clear(waiting)
		for _, l := range s.After.Locks {
			for _, r := range l.Queue {
				if r.Waiting() {
					waiting[r.Key] = true
				}
			}
		}
		return
	}
	for _, e := range s.Events {
		switch {
		case e.Kind.OfOther():
		case e.Kind == inspect.EventWaiting:
			waiting[e.Request.Key] = true
		default:
			delete(waiting, e.Request.Key)
		}
	}
}

// find takes in the problems of a step. The ones with which a segment begins may have been
// there before.
func (s *stretch) find(step Step, begun bool) {
	for _, f := range step.Cleared {
		delete(s.after, f.id())
	}
	for _, f := range step.Raised {
		s.after[f.id()] = true
		switch r := (Raised{step.Time, f}); {
		case !begun && len(s.raised) == 0 && (len(s.before) == 0 || s.before[0].Time.Equal(step.Time)):
			s.before = append(s.before, r)
		case len(s.raised) < maxRaised:
			s.raised = append(s.raised, r)
		}
	}
}

// level notes how many requests waited when.
func (s *stretch) level(levels []level) {
	cell := func(t time.Time) int {
		return cellOf(t, s.begin, s.end, stretchCells)
	}
	for i, l := range levels {
		last := stretchCells - 1
		if i+1 < len(levels) {
			last = cell(levels[i+1].time)
		}
		for c := cell(l.time); c <= last; c++ {
			s.waiters[c] = max(s.waiters[c], l.waiters)
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
	if known := s.known[last.id()]; known != nil {
		o.End = known.end
	}
	var before *stretch
	for i, segment := range s.r.segments {
		known := s.known[segment.id()]
		switch {
		case known != nil:
			o.add(known, before, segment.head.Cause == CauseStart || i > 0 && (segment.head.Cause.Gap() || s.r.segments[i-1].lacksNext()))
		case i+1 < len(s.r.segments):
			o.Read = s.r.segments[i+1].begin()
		default:
			o.Read = o.End
		}
		before = known
	}
	slices.SortStableFunc(o.Raised, func(a, b Raised) int { return a.Time.Compare(b.Time) })
	return o
}

// add adds a segment. The problems with which it begins were raised then if there is a gap
// before it, or if they were not there at the end of the segment before.
func (o *Overview) add(s, before *stretch, gap bool) {
	cells := len(o.Waiters)
	for c := cellOf(s.begin, o.Begin, o.End, cells); c <= cellOf(s.end, o.Begin, o.End, cells); c++ {
		o.Waiters[c] = max(o.Waiters[c], 0)
	}
	step := s.end.Sub(s.begin) / stretchCells
	for i, n := range s.waiters {
		from := s.begin.Add(time.Duration(i) * step)
		for c := cellOf(from, o.Begin, o.End, cells); c <= cellOf(from.Add(step), o.Begin, o.End, cells); c++ {
			o.Waiters[c] = max(o.Waiters[c], n)
		}
	}
	for _, r := range s.before {
		if gap || before != nil && !before.after[r.id()] {
			o.Raised = append(o.Raised, r)
		}
	}
	o.Raised = append(o.Raised, s.raised...)
}
