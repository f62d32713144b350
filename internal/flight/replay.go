package flight

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"etcd-lock/internal/inspect"
)

// Step is what a replay passes on, in the order in which it was recorded. Kind says what:
//
//   - KindPicture: the locks, first of all and after each gap
//   - KindChange: what happened to requests
//   - KindLost, KindBack, KindFindings, KindClock: as in the recording
//   - KindDamaged: the last step, if the rest of the recording cannot be read
type Step struct {
	Kind     Kind
	Time     time.Time
	Revision int64

	// Of KindPicture, and of KindChange if Missed is not 0. The snapshots are valid until
	// the next step. Before is empty in the first step.
	Before, After inspect.Snapshot
	Gap           string         // of KindPicture: why something may be missing; empty in the first step
	Since         time.Time      // of KindPicture after a gap: the last line before
	Resync        inspect.Resync // of KindPicture, if the watch read the locks anew

	Events []inspect.Event // valid until the next step
	Missed int             // events before Events that are not known

	Error           string // of KindLost
	Raised, Cleared []Finding
	Jump            time.Duration // of KindClock: by how much it was set forward
	Damage          []string      // of KindDamaged: what is missing, in sentences
}

// KindDamaged is the kind of a step, and of no line: the rest of the recording cannot be
// read.
const KindDamaged Kind = "damaged"

// Replay passes what was recorded to f until it returns an error, which Replay returns.
func (r *Recording) Replay(f func(Step) error) error {
	return r.replay(0, coordinate{mark: func(Mark) int64 { return 0 }}, f)
}

// ReplayAt is Replay from a time on.
func (r *Recording) ReplayAt(t time.Time, f func(Step) error) error {
	return r.replayFrom(byTime(r.second(t)), f)
}

// ReplayRev is Replay of what happened after a revision.
func (r *Recording) ReplayRev(revision int64, f func(Step) error) error {
	return r.replayFrom(byRevision(revision), f)
}

func (r *Recording) replayFrom(c coordinate, f func(Step) error) error {
	i, _, err := r.find(c)
	if err != nil {
		return err
	}
	return r.replay(i, c, f)
}

// replay begins in a segment, after the lines up to the wanted one.
func (r *Recording) replay(first int, c coordinate, f func(Step) error) error {
	p := &player{walk: newWalk(r.rules), from: c, f: f}
	for _, s := range r.segments[first:] {
		if err := p.play(s); err != nil {
			return err
		}
	}
	if p.picture.revision == 0 {
		return noPicture(p.last.path)
	}
	if err := p.begin(false); err != nil {
		return err
	}
	if damage := damage(p.walk, cmp.Or(r.unread, p.unread)); len(damage) > 0 {
		return f(Step{Kind: KindDamaged, Time: p.end.Time.Time, Revision: p.picture.revision, Damage: damage})
	}
	return nil
}

// damage says what cannot be read after a walk through the last segment, given the file that
// follows it and cannot be read, if there is one.
func damage(w *walk, unread string) (all []string) {
	if w.damaged {
		all = append(all, fmt.Sprintf("the rest of the segment after %s is damaged or was not written to its end", Show(w.end.Time.Time)))
	}
	if unread != "" {
		all = append(all, fmt.Sprintf("the end of the recording is missing, from %s on: %s is damaged or was not written to its end", Show(w.end.Time.Time), filepath.Base(unread)))
	}
	return all
}

// player passes on the steps of a recording.
type player struct {
	*walk
	from   coordinate
	f      func(Step) error
	begun  bool
	last   *segment
	unread string // the file of the last segment, if its picture is not complete
	gap    *Step  // the picture that is being read follows a gap; nil if it does not
}

// play plays a segment. Of a damaged one, it plays what can be read.
func (p *player) play(s segment) error {
	if p.picture.revision > 0 && (p.from.want == 0 || p.from.of(s.head) > p.from.want) { // what is missing before the segment is part of it
		if err := p.begin(!p.gapBefore(s)); err != nil {
			return err
		}
	}
	before, since := p.picture, p.end.Time.Time
	p.picture = newPicture(before.rules)
	p.gap = nil
	if p.begun && p.gapBefore(s) {
		p.gap = &Step{Kind: KindPicture, Before: before.snapshot(), Gap: p.last.gap(), Since: since}
		if re := s.head.Resync; re != nil {
			p.gap.Resync = inspect.Resync{Cause: inspect.ResyncCause(re.Cause), From: re.From, To: re.To}
		}
	}
	p.last, p.unread = &s, ""
	err := scan(s.part, p.line)
	if p.damaged = errors.As(err, new(damageError)); err != nil && !p.damaged {
		return err
	}
	if p.incomplete > 0 { // a part of a picture says nothing
		p.picture, p.incomplete, p.end.Time, p.damaged, p.unread = before, 0, Time{since}, false, s.path
	}
	return nil
}

// gapBefore reports whether something may be missing between the last segment and s.
func (p *player) gapBefore(s segment) bool {
	return s.head.Cause.Gap() || p.last.lacksNext() || p.damaged || p.unread != ""
}

// line takes in a line, and passes it on.
func (p *player) line(l Line) error {
	if l.Steps != nil {
		return p.steps(l)
	}
	if err := p.beginAt(Mark{l.Time, l.Revision}, l.Kind); err != nil {
		return err
	}
	var before *picture
	if p.begun && l.Missed > 0 {
		before = p.picture.clone()
	}
	events, err := p.events(l)
	if err != nil {
		return err
	}
	if err := p.take(l); err != nil || !p.begun {
		return err
	}
	switch {
	case l.Kind.ofPicture():
		return p.pictured(l)
	case !l.isStep():
		return nil
	}
	step := Step{
		Kind: l.Kind, Time: l.Time.Time, Revision: l.Revision, Missed: l.Missed,
		Error: l.Error, Raised: l.Raised, Cleared: l.Cleared, Jump: time.Duration(l.Jump) * time.Millisecond,
	}
	if step.Events, err = events.in(p.picture); err != nil {
		return err
	}
	if before != nil {
		step.Before, step.After = before.snapshot(), p.picture.snapshot()
	}
	return p.f(step)
}

// beginAt begins, once what is wanted is before a line.
func (p *player) beginAt(m Mark, kind Kind) error {
	if p.incomplete == 0 && !kind.ofPicture() && (p.from.want == 0 || p.from.mark(m) > p.from.want) {
		return p.begin(true)
	}
	return nil
}

// steps takes in the steps of a line, and passes them on.
func (p *player) steps(l Line) error {
	u, err := newUnbatcher(l.Steps, p.picture)
	if err != nil {
		return err
	}
	for {
		more, err := u.more()
		if err != nil {
			return damageError{err}
		}
		if !more {
			break
		}
		if err := p.beginAt(u.mark(), KindSteps); err != nil {
			return err
		}
		events, err := u.apply(p.begun)
		if err != nil {
			return err
		}
		p.reach(u.mark())
		if len(events) == 0 {
			continue
		}
		if err := p.f(Step{Kind: KindChange, Time: u.at, Revision: u.revision, Events: events}); err != nil {
			return err
		}
	}
	p.picture.revision = l.Revision
	p.reach(Mark{l.Time, l.Revision})
	return nil
}

// ofPicture reports whether a line of the kind is one of those with which a segment begins.
func (k Kind) ofPicture() bool { return k == KindSegment || k == KindPicture || k == KindLock }

// isStep reports whether the line says that something happened.
func (l Line) isStep() bool {
	switch l.Kind {
	case KindChange:
		return len(l.Events)+l.Missed > 0
	case KindLost, KindBack, KindFindings, KindClock:
		return true
	default:
		return false
	}
}

// begin passes on the locks as they were at the beginning, once. They were so at the wanted time
// too if that was recorded, and else at that of the last line before it.
func (p *player) begin(recorded bool) error {
	if p.begun {
		return nil
	}
	p.begun = true
	at := p.end.Time
	if recorded && !p.from.revisions && p.from.want > micros(at) {
		at = newTime(time.UnixMicro(p.from.want))
	}
	return p.f(Step{Kind: KindPicture, Time: at.Time, Revision: p.picture.revision, After: p.picture.snapshot()})
}

// pictured passes on a picture after a gap once it is complete.
func (p *player) pictured(l Line) error {
	if p.gap == nil || l.Kind == KindSegment || p.incomplete > 0 {
		return nil
	}
	step := *p.gap
	p.gap = nil
	step.Time, step.Revision, step.After = p.end.Time.Time, p.picture.revision, p.picture.snapshot()
	return p.f(step)
}

// events returns the events of a line, before the line is taken in. Those about requests
// that the line removes are complete, if anyone sees them.
func (p *player) events(l Line) (events recordedEvents, err error) {
	if !p.begun || len(l.Events) == 0 {
		return recordedEvents{}, nil
	}
	if err := json.Unmarshal(l.Events, &events.records); err != nil {
		return recordedEvents{}, damageError{err}
	}
	events.all = make([]inspect.Event, len(events.records))
	for i, record := range events.records {
		if inspect.EventKind(record.Event).Gone() {
			if events.all[i], err = record.event(p.picture); err != nil {
				return recordedEvents{}, err
			}
		}
	}
	return events, nil
}

// recordedEvents is the events of a line.
type recordedEvents struct {
	records []Event
	all     []inspect.Event
}

// in completes the events about requests that are in a picture after the line.
func (e recordedEvents) in(after *picture) (all []inspect.Event, err error) {
	for i, record := range e.records {
		if !inspect.EventKind(record.Event).Gone() {
			if e.all[i], err = record.event(after); err != nil {
				return nil, err
			}
		}
	}
	return e.all, nil
}
