package flight

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// maxLeaseAge is for how long what etcd said of a lease is taken for what it was.
const maxLeaseAge = 30 * time.Second

// Moment is the locks at a moment of a recording.
type Moment struct {
	Snapshot inspect.Snapshot
	Time     time.Time // of the moment; by the clock of the recorder
	Cluster  string    // ID in hex; empty when it is not known

	// Leases are the answers to the last look-ups, at most 30 seconds before the moment.
	Leases   map[int64]inspect.Lease
	LookedUp map[int64]time.Time // when each of them was
	// Findings are the problems that the recorder had found, by its thresholds.
	Findings []Finding
	// Doubts says in sentences why the locks may have been different.
	Doubts []string

	recorded bool // nothing is missing between Time and the time that was asked for
}

// At returns the moment of that time. If the clock of the recorder was set back, so that
// it recorded the time twice, it is the later one. If nothing was recorded at that time, it is
// the last moment before.
func (r *Recording) At(t time.Time) (Moment, error) {
	t = r.second(t)
	m, err := r.moment(byTime(t))
	if m.recorded {
		m.Time = t
	}
	return m, err
}

// Rev returns the last moment at which the locks were as at a revision, or as at the last
// one before it that was recorded.
func (r *Recording) Rev(revision int64) (Moment, error) { return r.moment(byRevision(revision)) }

// End returns the last moment.
func (r *Recording) End() (Moment, error) {
	w := newWalk(r.rules)
	last := len(r.segments) - 1
	if err := w.read(r.segments[last], nil); err != nil {
		return Moment{}, err
	}
	if w.incomplete > 0 {
		if err := r.leaveOut(last); err != nil {
			return Moment{}, err
		}
		return r.End()
	}
	m := w.moment(w.end.Time.Time)
	m.Doubts = append(w.doubts(), damage(w, r.unread)...)
	return m, nil
}

func (r *Recording) moment(c coordinate) (Moment, error) {
	i, repeated, err := r.find(c)
	if err != nil {
		return Moment{}, err
	}
	s := r.segments[i]
	w := newWalk(r.rules)
	if err := w.read(s, &c); err != nil {
		return Moment{}, err
	}
	if w.incomplete > 0 {
		if err := r.leaveOut(i); err != nil {
			return Moment{}, err
		}
		return r.moment(c)
	}
	m := w.moment(w.end.Time.Time)
	if repeated {
		m.Doubts = append(m.Doubts, "the recording has this moment more than once, because the clock or etcd's revisions went back: this is the last one")
	}
	m.Doubts = append(m.Doubts, w.doubts()...)
	missing := s.missing(w, c)
	unread := ""
	if s.next == nil && len(missing) > 0 {
		unread = r.unread
	}
	if w.after == nil {
		m.Doubts = append(m.Doubts, damage(w, unread)...)
	}
	m.recorded = len(missing) == 0
	m.Doubts = append(m.Doubts, missing...)
	return m, nil
}

// walk reads a segment up to a moment.
type walk struct {
	picture  *picture
	cluster  string
	end      Mark // the last line
	leases   map[int64]leaseLine
	findings map[string]Finding
	lost     string // etcd does not answer

	incomplete int // locks of the picture that are still to be read
	damaged    bool
	passed     bool  // a line after the moment was left out
	after      *Line // the first line after the moment that changes locks
}

func newWalk(rules *layout.Set) *walk {
	return &walk{picture: newPicture(rules), leases: map[int64]leaseLine{}, findings: map[string]Finding{}}
}

type leaseLine struct {
	at    time.Time
	lease inspect.Lease
}

// read reads a segment up to a moment, or its end if c is nil.
func (w *walk) read(s segment, c *coordinate) error {
	err := scan(s.part, func(l Line) error {
		switch {
		case l.Steps != nil:
			return w.steps(l, c)
		case c == nil || c.of(l) <= c.want:
			return w.take(l)
		case l.Kind == KindChange || c.revisions:
			w.after = &l
			return errStop
		default: // steps that follow can have been seen before that was looked up
			w.passed = true
			return nil
		}
	})
	if w.damaged = errors.As(err, new(damageError)); w.damaged {
		return nil
	}
	return err
}

// steps takes in the steps of a line up to a moment.
func (w *walk) steps(l Line, c *coordinate) error {
	u, err := newUnbatcher(l.Steps, w.picture)
	if err != nil {
		return err
	}
	for {
		more, err := u.more()
		if err != nil {
			return damageError{err}
		}
		if !more && c != nil && c.revisions && l.Revision > c.want || more && c != nil && c.mark(u.mark()) > c.want {
			w.after = &l
			return errStop
		}
		if !more {
			break
		}
		if _, err := u.apply(false); err != nil {
			return err
		}
		w.reach(u.mark())
	}
	w.picture.revision = l.Revision
	w.reach(Mark{l.Time, l.Revision})
	return nil
}

// reach notes how far the walk has got.
func (w *walk) reach(m Mark) {
	w.end = Mark{later(w.end.Time, m.Time), max(w.end.Revision, m.Revision)}
}

// take takes in a line.
func (w *walk) take(l Line) error {
	w.reach(Mark{l.Time, l.Revision})
	switch l.Kind {
	case KindSegment:
		w.cluster, w.picture.prefixes = l.Cluster, keyspace.NewPrefixes(stringsOf(l.Prefixes)...)
	case KindPicture, KindChange:
		w.picture.revision, w.picture.other, w.incomplete = l.Revision, l.Other, l.Count
		for _, c := range l.Changes {
			if err := w.picture.change(c); err != nil {
				return err
			}
		}
	case KindLock:
		w.incomplete--
		if l.Lock != nil {
			return w.picture.change(*l.Lock)
		}
	case KindLost:
		w.lost = l.Error
	case KindBack:
		w.lost = ""
	case KindLeases:
		for _, lease := range l.Leases {
			w.leases[int64(lease.Lease)] = leaseLine{l.Time.Time, lease.lease()}
		}
	case KindFindings:
		for _, f := range l.Cleared {
			delete(w.findings, f.id())
		}
		for _, f := range l.Raised {
			w.findings[f.id()] = f
		}
	}
	return nil
}

// moment returns the moment that the walk has reached, at a time.
func (w *walk) moment(t time.Time) Moment {
	m := Moment{Snapshot: w.picture.snapshot(), Time: t, Cluster: w.cluster, Leases: map[int64]inspect.Lease{}, LookedUp: map[int64]time.Time{}}
	for id, l := range w.leases {
		if w.end.Time.Sub(l.at) <= maxLeaseAge {
			m.Leases[id], m.LookedUp[id] = l.lease, l.at
		}
	}
	for _, id := range slices.Sorted(maps.Keys(w.findings)) {
		m.Findings = append(m.Findings, w.findings[id])
	}
	return m
}

// doubts says why the locks may have been different, as far as the walk shows.
func (w *walk) doubts() []string {
	if w.lost == "" {
		return nil
	}
	return []string{fmt.Sprintf("etcd did not answer the recorder then (%s): these are the last locks known", w.lost)}
}

// missing says what was not recorded between where the walk has got to and the moment.
func (s segment) missing(w *walk, c coordinate) []string {
	switch {
	case w.after != nil && c.revisions && w.after.merges(w.picture.revision, c.want):
		return []string{fmt.Sprintf("the revisions from %d to %d were recorded together: these are the locks before them", w.picture.revision+1, w.after.Revision)}
	case w.after != nil || w.passed || c.mark(w.end) >= c.want:
		return nil
	case s.next == nil:
		return []string{fmt.Sprintf("the recording ends at %s, revision %d: these are its last locks", Show(w.end.Time.Time), w.end.Revision)}
	case s.next.Cause == CauseHistory && !c.revisions:
		return []string{fmt.Sprintf("the recorder did not run from %s to %s: what happened then was read from etcd's history later, without times; these are the locks before that",
			Show(w.end.Time.Time), Show(s.next.Time.Time))}
	case s.next.Cause.Gap() || s.lacksNext() || w.damaged:
		return []string{fmt.Sprintf("nothing was recorded from %s to %s (%s): these are the locks before that",
			Show(w.end.Time.Time), Show(s.next.Time.Time), s.gap())}
	default:
		return nil
	}
}

// merges reports whether a change is one of several revisions, the first of which may be
// between the one that was reached and the one that is looked for.
func (l Line) merges(reached, want int64) bool {
	if l.Kind != KindChange || want == reached || len(l.Events) == 0 && l.Missed == 0 {
		return false
	}
	if l.Missed > 0 {
		return true
	}
	var events []Event
	if json.Unmarshal(l.Events, &events) != nil {
		return true
	}
	return slices.ContainsFunc(events, func(e Event) bool { return e.Revision > reached && e.Revision <= want })
}

// gap says why something may be missing after the segment.
func (s segment) gap() string {
	switch {
	case s.next.Cause.Gap():
		return causeWords[s.next.Cause]
	case s.lacksNext():
		return "a file of the recording is missing or damaged"
	default:
		return "the rest of the segment is damaged"
	}
}

var causeWords = map[Cause]string{
	CauseRestart: "the recorder was started again",
	CauseFailed:  "the recording could not be written",
	CauseResync:  "the watch read the locks anew",
	CauseMissed:  "the recorder was too slow for what happened",
}
