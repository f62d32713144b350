package recording

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"etcd-lock/internal/flight"
	"etcd-lock/internal/format"
	"etcd-lock/internal/hint"
	"etcd-lock/internal/layout"
)

// Flags select a recording, and a moment of it.
type Flags struct {
	Path string // empty: etcd is read
	At   string // empty: the end, or a revision
}

// Register adds the flags to fs.
func (f *Flags) Register(fs *pflag.FlagSet) {
	RegisterPath(fs, &f.Path)
	fs.Var((*moment)(&f.At), "at", "of a recording: as at `TIME`, such as 03:12, -2h or 2026-11-27T03:12:04Z (default: its end)")
}

// RegisterPath adds the flag --recording alone to fs.
func RegisterPath(fs *pflag.FlagSet, path *string) {
	fs.StringVar(path, "recording", "", "read `DIR`, which etcd-lock record wrote, or a file of it, in place of etcd")
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
	fs.Var((*moment)(&s.From), "from", "of a recording: from `TIME` on, such as 03:12, -2h or 2026-11-27T03:12:04Z (default: its beginning)")
	fs.Var((*moment)(&s.To), "to", "of a recording: up to `TIME` (default: its end)")
}

// Check reports times that are given without a recording.
func (s Span) Check(path string) error {
	if s.From+s.To != "" && path == "" {
		return errors.New("--from and --to require --recording: etcd keeps no times")
	}
	return nil
}

// Times returns the times, of which one that is not given is zero. It fails if nothing was
// recorded between them.
func (s Span) Times(r *flight.Recording, now time.Time) (from, to time.Time, err error) {
	last := r.Last().Time.Time
	if from, err = parseTime("from", s.From, now, last); err != nil {
		return from, to, err
	}
	if to, err = parseTime("to", s.To, now, last); err != nil {
		return from, to, err
	}
	earliest, latest := r.Range()
	switch {
	case !to.IsZero() && !from.Before(to):
		err = fmt.Errorf("--to %s must be later than --from %s", flight.Show(to), flight.Show(from))
	case from.After(latest):
		err = fmt.Errorf("--from %s: the recording ends before that", flight.Show(from))
	case !to.IsZero() && to.Before(earliest):
		err = fmt.Errorf("--to %s: the recording begins after that", flight.Show(to))
	}
	return from, to, hint.Add(err, fmt.Sprintf("it has what happened from %s to %s", flight.Show(earliest), flight.Show(latest)))
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
	return func(step func(flight.Step) error) error { return r.ReplayAt(from, step) }, from, to, nil
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
	return parseTime("at", f.At, now, r.Last().Time.Time)
}

// parseTime returns the time that a flag says, given the time now and the end of the
// recording. It is zero for a flag that is not given.
func parseTime(flag, s string, now, end time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	at, err := format.ParseTime(s, now, end)
	if err != nil {
		return time.Time{}, fmt.Errorf("--%s %s: %w", flag, s, err)
	}
	return at, nil
}
