package flight

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"etcd-lock/internal/format"
)

// Passage is what was recorded between two places of a recording.
type Passage struct {
	Since Mark   // the steps are after it
	Until Mark   // the last one that the steps go to, or up to which there are none
	Begin Mark   // of the recording
	Steps []Step // without snapshots; pictures are those after a gap
	Ends  bool   // nothing was recorded after Until
}

// Before returns the last steps up to a time: as many as have at most that many events,
// but at least one step if there is any.
func (r *Recording) Before(t time.Time, most int) (Passage, error) {
	last, _, err := r.find(byTime(t))
	if err != nil {
		return Passage{}, err
	}
	earliest := r.sameClock(last)
	for back := 0; ; back = 2*back + 1 {
		first := max(last-back, earliest)
		p := passage{most: most, since: markOf(r.segments[first].head)}
		err := r.only(first, last).Replay(func(s Step) error {
			if s.Time.After(t) {
				return errStop
			}
			p.add(s)
			p.drop()
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			return Passage{}, err
		}
		if p.events >= most || first == earliest || len(p.steps) > 0 && p.dropped {
			return Passage{Since: p.since, Until: Mark{Time: newTime(t), Revision: p.revision}, Begin: r.Begin(), Steps: p.steps}, nil
		}
	}
}

// After returns the first steps after a time: as many as have at most that many events,
// but at least one step if there is any.
func (r *Recording) After(t time.Time, most int) (Passage, error) {
	first, _, err := r.find(byTime(t))
	if err != nil {
		return Passage{}, err
	}
	for ahead := 1; ; ahead *= 2 {
		last := min(first+ahead, len(r.segments)-1)
		p := passage{most: most, since: Mark{Time: newTime(t)}}
		err := r.only(first, last).ReplayAt(t, func(s Step) error {
			n := len(p.steps)
			if n > 0 && (p.events+len(s.Events) > most || s.Time.Before(p.steps[n-1].Time)) {
				return errStop
			}
			p.add(s)
			return nil
		})
		stopped := errors.Is(err, errStop)
		if err != nil && !stopped {
			return Passage{}, err
		}
		found := Passage{Since: p.since, Until: Mark{Time: newTime(t), Revision: p.revision}, Begin: r.Begin(), Steps: p.steps}
		if n := len(p.steps); n > 0 {
			found.Until.Time = newTime(p.steps[n-1].Time)
		}
		if found.Ends = last == len(r.segments)-1 && !stopped; stopped || found.Ends || len(p.steps) > 0 {
			return found, nil
		}
	}
}

// sameClock returns the first of the segments from which on time did not go back until a
// segment.
func (r *Recording) sameClock(last int) int {
	for i := last; i > 0; i-- {
		if before := r.segments[i].head.Previous; r.segments[i-1].begin().After(r.segments[i].begin()) ||
			before != nil && before.Time.After(r.segments[i].begin()) {
			return i
		}
	}
	return 0
}

// only returns the recording of some of the segments.
func (r *Recording) only(first, last int) *Recording {
	return &Recording{rules: r.rules, segments: r.segments[first : last+1]}
}

// Begin returns where the recording begins.
func (r *Recording) Begin() Mark { return markOf(r.segments[0].head) }

func markOf(head Line) Mark { return Mark{Time: head.Time, Revision: head.Revision} }

// passage collects steps.
type passage struct {
	most     int
	since    Mark
	steps    []Step
	events   int
	revision int64 // of the last step
	begun    bool
	dropped  bool // steps before since
}

// add adds a step, without its snapshots. The picture at the beginning is none.
func (p *passage) add(s Step) {
	if s.Revision > 0 {
		p.revision = s.Revision
	}
	if !p.begun {
		p.begun, p.since.Revision = true, s.Revision
		return
	}
	s.Before.Locks, s.After.Locks = nil, nil
	s.Revision, s.Events = p.revision, slices.Clone(s.Events)
	p.steps = append(p.steps, s)
	p.events += len(s.Events)
}

// drop drops the first steps while there are too many events. The last one stays.
func (p *passage) drop() {
	n := 0
	for p.events > p.most && n < len(p.steps)-1 || len(p.steps)-n > 2*p.most+1 {
		s := p.steps[n]
		p.since = Mark{Time: newTime(s.Time), Revision: s.Revision}
		p.events -= len(s.Events)
		p.dropped = true
		n++
	}
	p.steps = p.steps[n:]
}

// Changes reports whether the step changed the locks.
func (s Step) Changes() bool { return s.Kind == KindChange || s.Kind == KindPicture }

// Text says in a sentence what the step is, unless that is in its events or findings.
func (s Step) Text() string {
	switch {
	case s.Kind == KindLost:
		return s.Error
	case s.Missed > 0:
		return format.Count(s.Missed+len(s.Events), "event was", "events were") + " dropped for a slow recorder"
	case s.Kind == KindBack:
		return "etcd answers again"
	case s.Kind == KindDamaged:
		return strings.Join(s.Damage, "; ")
	case s.Kind == KindClock:
		return fmt.Sprintf("the clock of the recorder was set by %s", s.Jump)
	case s.Kind == KindPicture && s.Resync.Happened():
		return s.Resync.Text() + "; events are missing"
	case s.Kind == KindPicture && s.Gap != "":
		return "nothing was recorded from " + Show(s.Since) + " to " + Show(s.Time) + ": " + s.Gap
	default:
		return ""
	}
}

// Last returns where the recording ends.
func (r *Recording) Last() Mark {
	end, _ := r.lastEnd()
	return end
}

// Range returns the earliest and the latest time that was recorded. If the clock was set
// back, the recording need not begin and end with them.
func (r *Recording) Range() (earliest, latest time.Time) {
	earliest, latest = r.segments[0].begin(), r.Last().Time.Time
	for _, s := range r.segments {
		end := s.begin()
		if m, ok := s.end(); ok {
			end = m.Time.Time
		}
		if s.begin().Before(earliest) {
			earliest = s.begin()
		}
		if end.After(latest) {
			latest = end
		}
	}
	return earliest, latest
}

// second returns a time or, if that is in the second in which the recording begins, when it
// begins: users know times to the second.
func (r *Recording) second(t time.Time) time.Time {
	if begin := r.segments[0].begin(); t.Before(begin) && begin.Sub(t) < time.Second {
		return begin
	}
	return t
}

// Cluster returns the ID of the cluster that was recorded last, in hex; empty if it is not
// known.
func (r *Recording) Cluster() string { return r.segments[len(r.segments)-1].head.Cluster }
