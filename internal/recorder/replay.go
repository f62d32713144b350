package recorder

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"etcd-lock/internal/flight"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// errOver ends a replay.
var errOver = errors.New("recorder: the time is over")

// replay records what a replay passes on.
func (t *tape) replay(o Options) error {
	end := o.From
	err := o.Replay(func(s flight.Step) error {
		if !o.To.IsZero() && s.Time.After(o.To) {
			end = o.To
			return errOver
		}
		if t.begin.IsZero() {
			t.begin = s.Time
			if o.From.After(s.Time) {
				t.begin = o.From
			}
		}
		if s.Time.After(end) {
			end = s.Time
		}
		if err := t.step(s, o.Prefixes); err != nil {
			return err
		}
		if t.isFull() {
			return errOver
		}
		return nil
	})
	if err != nil && !errors.Is(err, errOver) {
		return err
	}
	t.until = max(0, end.Sub(t.begin))
	return nil
}

// step adds what a step says of locks below the prefixes. It fails if some of them were not
// recorded.
func (t *tape) step(s flight.Step, given []string) error {
	if s.Kind == flight.KindPicture {
		if _, err := flight.Within(s.After, given); err != nil {
			return err
		}
	}
	events, at := s.Events, s.Time
	switch {
	case s.Kind == flight.KindPicture && s.Gap != "":
		t.notes = append(t.notes, fmt.Sprintf("At %s, events are missing (%s): their net changes are recorded as of then.", format.Duration(at.Sub(t.begin)), s.Gap))
		events = inspect.Compare(s.Before, s.After)
	case s.Kind == flight.KindDamaged:
		t.notes = append(t.notes, fmt.Sprintf("At %s, it ends early: %s.", format.Duration(at.Sub(t.begin)), s.Text()))
	case s.Kind == flight.KindPicture:
		events, at = inspect.Compare(s.Before, s.After), t.begin
	case s.Missed > 0:
		t.notes = append(t.notes, fmt.Sprintf("At %s, events are missing: their net changes are recorded as of then.", format.Duration(at.Sub(t.begin))))
		events = inspect.Compare(s.Before, s.After)
	default:
		for i := range events {
			if events[i].Time.IsZero() { // from etcd's history
				events[i].Time = at
			}
		}
	}
	prefixes := keyspace.NewPrefixes(given...)
	events = slices.DeleteFunc(events, func(e inspect.Event) bool {
		return !flight.IsWithin(e.Lock(), e.Request.Key, prefixes)
	})
	if s.Kind == flight.KindPicture || s.Missed > 0 {
		t.add(events, at)
	} else {
		t.add(events, time.Time{})
	}
	return nil
}
