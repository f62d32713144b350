package flight

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// thinner writes lines of segments as those of one, without what is not worth its room
// later.
type thinner struct {
	out     interface{ Write(b []byte) (int, error) }
	left    int64 // how much may be written
	frame   *frame
	through int64 // number of the last segment
	err     error

	joining bool            // the segment is not the first one
	fresh   bool            // its numbers begin anew with the next steps
	locks   int             // of its picture that are still to be read
	alive   []byte          // the last line, if it is not written unless it stays the last
	found   map[string]bool // the problems there are
	lost    string          // etcd does not answer
}

// segment writes what a segment has.
func (t *thinner) segment(s stored) error {
	err := scanLines(whole(s.path), t.line)
	switch {
	case errors.As(err, new(damageError)):
		return unfitError{s, err}
	case t.locks > 0:
		return unfitError{s, damageError{errShort}}
	}
	return errors.Join(err, t.err)
}

// line writes a line, or what is left of it.
func (t *thinner) line(b []byte) error {
	kind := kindOf(b)
	switch kind {
	case KindLeases, KindAlive:
		t.alive = append(t.alive[:0], b...)
		return t.err
	case KindLock:
		if t.locks--; t.joining {
			return t.err
		}
	case KindSegment, KindPicture, KindFindings, KindLost, KindBack:
		return t.decoded(b)
	case KindSteps:
		if t.fresh {
			return t.decoded(b)
		}
	}
	t.put(b)
	return t.err
}

// decoded is line for those that are not written as they are.
func (t *thinner) decoded(b []byte) error {
	var l Line
	if err := json.Unmarshal(b, &l); err != nil {
		return damageError{err}
	}
	switch l.Kind {
	case KindSegment:
		if t.joining {
			return t.err
		}
		l.Through = t.through
	case KindPicture:
		t.locks = l.Count
		if t.joining { // nothing has changed, up to then
			l.Kind, l.Count = KindChange, 0
		}
	case KindSteps:
		l.Steps.Fresh, t.fresh = true, false
	case KindFindings:
		if l = t.findings(l); len(l.Raised)+len(l.Cleared) == 0 {
			return t.err
		}
	case KindLost, KindBack:
		if t.lost == l.Error {
			return t.err
		}
		t.lost = l.Error
	}
	b, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("the recording: %w", err)
	}
	t.put(append(b, '\n'))
	return t.err
}

// findings leaves out problems that are there already: each segment begins with all.
func (t *thinner) findings(l Line) Line {
	for _, f := range l.Cleared {
		delete(t.found, f.id())
	}
	l.Raised = slices.DeleteFunc(l.Raised, func(f Finding) bool { return t.found[f.id()] })
	for _, f := range l.Raised {
		t.found[f.id()] = true
	}
	return l
}

// finish writes what is left. How long the recording went on is kept.
func (t *thinner) finish() error {
	if len(t.alive) > 0 {
		var l Line
		if err := json.Unmarshal(t.alive, &l); err != nil {
			return fmt.Errorf("the recording: %w", err)
		}
		b, err := json.Marshal(Line{Kind: KindAlive, Time: l.Time, Revision: l.Revision})
		if err != nil {
			return fmt.Errorf("the recording: %w", err)
		}
		t.put(append(b, '\n'))
	}
	t.flush()
	return t.err
}

// put adds a line.
func (t *thinner) put(b []byte) {
	if t.err != nil {
		return
	}
	t.alive = t.alive[:0]
	if _, t.err = (counter{t.frame}).Write(b); t.frame.raw > maxThinFrame {
		t.flush()
	}
}

// flush writes the frame.
func (t *thinner) flush() {
	if t.frame.raw == 0 || t.err != nil {
		return
	}
	b, err := t.frame.finish()
	if t.err = err; err == nil {
		t.emit(b)
	}
	t.frame.reset()
}

// emit writes bytes, if there is room for them.
func (t *thinner) emit(b []byte) {
	if t.left -= int64(len(b)); t.left <= 0 {
		t.err = ErrNoRoom
		return
	}
	_, t.err = t.out.Write(b)
}

// kindOf returns the kind of a line, which is its first field if a Recorder has written it.
func kindOf(line []byte) Kind {
	if rest, ok := strings.CutPrefix(string(line[:min(len(line), 40)]), `{"kind":"`); ok {
		if kind, _, ok := strings.Cut(rest, `"`); ok {
			return Kind(kind)
		}
	}
	var l struct {
		Kind Kind `json:"kind"`
	}
	_ = json.Unmarshal(line, &l) // one that cannot be read is written as it is
	return l.Kind
}
