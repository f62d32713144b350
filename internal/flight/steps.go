package flight

import (
	"iter"

	"etcd-lock/internal/inspect"
)

// maxBatch bounds the changes that are collected in memory.
const maxBatch = 20_000

// news records the locks of an update.
func (r *Recorder) news(u inspect.Update) {
	switch before, stale := r.last, r.stale; {
	case len(u.Steps) > 0:
		r.steps(u)
	case u.Bare:
		r.advance(u.Snapshot)
	case !r.know(u.Snapshot):
	case u.Resynced.Happened():
		r.rotate(CauseResync, newResync(u.Resynced))
	case stale:
		r.rotate(CauseMissed, nil)
	default:
		r.difference(before, u)
	}
}

// know notes the locks as they are after what was recorded. It reports whether there is a
// segment that could go on with them.
func (r *Recorder) know(s inspect.Snapshot) bool {
	r.last, r.stale = s, false
	return r.begun
}

// difference records what leads from one snapshot to another, where nothing is known of
// those in between.
func (r *Recorder) difference(before inspect.Snapshot, u inspect.Update) {
	changes := diff(before.Locks, u.Snapshot.Locks)
	if len(changes)+len(u.Events)+u.Missed == 0 && before.Other == u.Snapshot.Other {
		r.advance(u.Snapshot)
		return
	}
	r.add(Line{
		Kind: KindChange, Revision: u.Snapshot.Revision, Other: u.Snapshot.Other,
		Changes: changes, Events: newEvents(u.Events, between(before, u.Snapshot)), Missed: u.Missed,
	})
	r.batch.note(u.Snapshot)
	r.stepped, r.other, r.reached = newTime(r.now), u.Snapshot.Other, u.Snapshot.Revision
}

// steps records the steps of an update.
func (r *Recorder) steps(u inspect.Update) {
	events := u.Events
	for _, step := range u.Steps {
		n := min(step.Events, len(events))
		if step.Read == nil {
			r.last.Locks, r.stale = nil, true
			r.step(step, events[:n])
		} else {
			r.readAnew(step)
		}
		events = events[n:]
	}
	r.advance(u.Snapshot)
	if !u.Bare {
		r.know(u.Snapshot)
	}
}

// readAnew begins a segment with locks that were read anew.
func (r *Recorder) readAnew(step inspect.Step) {
	r.know(*step.Read)
	switch {
	case step.Resynced.Happened():
		r.rotate(CauseResync, newResync(step.Resynced))
	case !r.begun:
		r.begin(nil)
	case r.joint != "":
		r.rotate(r.joint, nil)
	}
	r.joint = ""
}

// Recover records what etcd's history has of before the watch, whose first update is to
// follow. Complete says that the history begins where the recording ends. Of what fails,
// nothing is missing but what it could not read, which shows.
func (r *Recorder) Recover(history iter.Seq2[inspect.Update, error], complete bool) error {
	r.readClock()
	if complete && r.cause == CauseRestart {
		r.cause = CauseHistory
	}
	r.joint = CauseRestart
	for u, err := range history {
		if err != nil {
			return err
		}
		r.readClock()
		r.news(u)
		r.Tick()
	}
	r.joint = CauseHistory
	return nil
}

func newResync(r inspect.Resync) *Resync {
	return &Resync{Cause: string(r.Cause), From: r.From, To: r.To}
}

// step records a step: in the batch or, if that cannot say it, in a line.
func (r *Recorder) step(step inspect.Step, events []inspect.Event) {
	if !r.begun {
		return
	}
	r.changes += 1 + len(events)
	m := moment{at: r.timeOf(step).Time, revision: step.Revision, other: step.Other - r.other}
	if !r.batch.add(m, step, events) {
		r.add(Line{
			Kind: KindChange, Time: newTime(m.at), Revision: step.Revision, Other: step.Other,
			Changes: changesOf(step), Events: newEvents(events, within(step)),
		})
	} else if len(r.batch.ops) >= maxBatch || r.batch.batch.Steps >= maxBatch {
		r.flush()
	}
	r.stepped, r.other, r.reached = newTime(m.at), step.Other, step.Revision
}

// timeOf returns when a step is recorded: when it was seen, but neither in the future nor
// before the step before it.
func (r *Recorder) timeOf(step inspect.Step) Time {
	t := newTime(step.Time)
	if now := newTime(r.now); t.IsZero() || t.After(now.Time) {
		t = now
	}
	return later(t, r.stepped)
}

// advance records that the locks stayed as they are, up to a revision.
func (r *Recorder) advance(s inspect.Snapshot) {
	switch {
	case s.Revision <= r.reached:
		return
	case r.batch.empty():
		r.add(Line{Kind: KindChange, Revision: s.Revision, Other: s.Other})
		r.stepped = newTime(r.now)
	default:
		r.batch.reached = s.Revision
	}
	r.reached = s.Revision
}

// addBatch adds the line of the batch, if there is one.
func (r *Recorder) addBatch() {
	if r.batch.empty() {
		return
	}
	at, revision := r.batch.at, max(r.batch.end, r.batch.reached)
	r.write(Line{Kind: KindSteps, Time: newTime(at), Revision: revision, Steps: r.batch.take()})
}
