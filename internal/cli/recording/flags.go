package recording

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"etcd-lock/internal/flight"
	"etcd-lock/internal/format"
	"etcd-lock/internal/layout"
)

// Flags select a recording, and a moment of it.
type Flags struct {
	Path string // empty: etcd is read
	At   string // empty: the end, or a revision
}

// Register adds the flags to fs.
func (f *Flags) Register(fs *pflag.FlagSet) {
	fs.Var((*filled)(&f.Path), "recording", "read `DIR`, which etcd-lock record wrote, or a file of it, in place of etcd")
	fs.Var((*filled)(&f.At), "at", "of a recording: as at `TIME`, such as 03:12, -2h or 2026-11-27T03:12:04Z (default: its end)")
}

// Given reports whether a recording is to be read.
func (f Flags) Given() bool { return f.Path != "" }

// Check reports flags that do not go together, given whether --rev is used too.
func (f Flags) Check(rev bool) error {
	switch {
	case f.At != "" && !f.Given():
		return errors.New("--at requires --recording: etcd keeps no times")
	case f.At != "" && rev:
		return errors.New("--at and --rev are mutually exclusive")
	default:
		return nil
	}
}

// Replay passes on what was recorded after --at or a revision, or all of it.
func (f Flags) Replay(rules *layout.Set, revision int64, now time.Time, step func(flight.Step) error) error {
	r, err := flight.Open(f.Path, rules)
	switch {
	case err != nil:
		return err
	case revision > 0:
		return r.ReplayRev(revision, step)
	case f.At == "":
		return r.Replay(step)
	}
	at, err := f.time(r, now)
	if err != nil {
		return err
	}
	return r.ReplayAt(at, step)
}

// Span is a part of a recording.
type Span struct {
	From, To string // as --at says it; empty: the beginning, the end
}

// Register adds the flags to fs.
func (s *Span) Register(fs *pflag.FlagSet) {
	fs.Var((*filled)(&s.From), "from", "of a recording: from `TIME` on, such as 03:12, -2h or 2026-11-27T03:12:04Z")
	fs.Var((*filled)(&s.To), "to", "of a recording: up to `TIME`")
}

// Given reports whether not all of a recording is wanted.
func (s Span) Given() bool { return s.From+s.To != "" }

// Times returns the times, of which one that is not given is zero.
func (s Span) Times(r *flight.Recording, now time.Time) (from, to time.Time, err error) {
	end, err := r.End()
	if err == nil {
		from, err = ParseTime("from", s.From, now, end.Time)
	}
	if err == nil {
		to, err = ParseTime("to", s.To, now, end.Time)
	}
	if err == nil && !to.IsZero() && to.Before(from) {
		err = errors.New("--to is before --from")
	}
	return from, to, err
}

// Open opens a recording, and returns what passes on what happened in its part, and the
// times of that.
func (s Span) Open(path string, rules *layout.Set, now time.Time) (replay func(func(flight.Step) error) error, from, to time.Time, err error) {
	r, err := flight.Open(path, rules)
	if err != nil {
		return nil, from, to, err
	}
	if from, to, err = s.Times(r, now); err != nil || from.IsZero() {
		return r.Replay, from, to, err
	}
	return func(step func(flight.Step) error) error {
		err := r.ReplayAt(from, step)
		if errors.Is(err, flight.ErrNotRecorded) {
			return r.Replay(step)
		}
		return err
	}, from, to, nil
}

// Open returns the moment of the recording that --at or a revision selects, or its end. It
// has the locks below some prefixes, or all.
func (f Flags) Open(rules *layout.Set, revision int64, now time.Time, prefixes ...string) (flight.Moment, error) {
	r, err := flight.Open(f.Path, rules)
	if err != nil {
		return flight.Moment{}, err
	}
	m, err := f.moment(r, revision, now)
	if err != nil {
		return flight.Moment{}, err
	}
	m.Snapshot, err = flight.Within(m.Snapshot, prefixes)
	return m, err
}

func (f Flags) moment(r *flight.Recording, revision int64, now time.Time) (flight.Moment, error) {
	switch {
	case revision > 0:
		return r.Rev(revision)
	case f.At == "":
		return r.End()
	}
	at, err := f.time(r, now)
	if err != nil {
		return flight.Moment{}, err
	}
	return r.At(at)
}

// Time returns the time that --at says, zero if it is not given.
func (f Flags) Time(rules *layout.Set, now time.Time) (time.Time, error) {
	if f.At == "" {
		return time.Time{}, nil
	}
	r, err := flight.Open(f.Path, rules)
	if err != nil {
		return time.Time{}, err
	}
	return f.time(r, now)
}

func (f Flags) time(r *flight.Recording, now time.Time) (time.Time, error) {
	end, err := r.End()
	if err != nil {
		return time.Time{}, err
	}
	return ParseTime("at", f.At, now, end.Time)
}

// ParseTime returns the time that a flag says, given the time now and the end of the
// recording. It is zero for a flag that is not given.
func ParseTime(flag, s string, now, end time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	at, err := format.ParseTime(s, now, end)
	if err != nil {
		return time.Time{}, fmt.Errorf("--%s %s: %w", flag, s, err)
	}
	return at, nil
}
