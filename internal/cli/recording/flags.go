package recording

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"etcd-lock/internal/flight"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// Flags select a recording, and a moment of it.
type Flags struct {
	Path string // empty: etcd is read
	At   string // empty: the end, or a revision
}

// Register adds the flags to fs.
func (f *Flags) Register(fs *pflag.FlagSet) {
	fs.StringVar(&f.Path, "recording", "", "read `DIR`, which etcd-lock record wrote, or a file of it, in place of etcd")
	fs.StringVar(&f.At, "at", "", "of a recording: as at `TIME`, such as 03:12, -2h or 2026-11-27T03:12:04Z (default: its end)")
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
	end, err := r.End()
	if err != nil {
		return err
	}
	at, err := parseTime(f.At, now, end.Time)
	if err != nil {
		return err
	}
	return r.ReplayAt(at, step)
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
	m.Snapshot, err = within(m.Snapshot, prefixes)
	return m, err
}

func (f Flags) moment(r *flight.Recording, revision int64, now time.Time) (flight.Moment, error) {
	if revision > 0 {
		return r.Rev(revision)
	}
	end, err := r.End()
	if err != nil || f.At == "" {
		return end, err
	}
	at, err := parseTime(f.At, now, end.Time)
	if err != nil {
		return flight.Moment{}, err
	}
	return r.At(at)
}

// OtherUnknown is Snapshot.Other of a part of a recording: it does not say which of the
// other keys are there.
const OtherUnknown = -1

// within returns the locks below prefixes. It fails if the recording may have left out
// some.
func within(s inspect.Snapshot, given []string) (inspect.Snapshot, error) {
	prefixes := keyspace.NewPrefixes(given...)
	if prefixes.All() {
		return s, nil
	}
	for _, p := range prefixes {
		if !s.Prefixes.Has(p) {
			return s, fmt.Errorf("the recording has only keys that begin with %s", strings.Join(s.Prefixes, ", "))
		}
	}
	part := inspect.Snapshot{Prefixes: prefixes, Revision: s.Revision, Other: OtherUnknown}
	for _, l := range s.Locks {
		if isWithin(l.ID, l.Queue[0].Key, prefixes) {
			part.Locks = append(part.Locks, l)
		}
	}
	return part, nil
}

// isWithin reports whether a lock, of which this is a key, is below one of the prefixes.
func isWithin(id inspect.LockID, key string, prefixes keyspace.Prefixes) bool {
	return prefixes.All() || slices.ContainsFunc(prefixes, func(p string) bool {
		return strings.HasPrefix(key, p) && id.Layout.Whole(id.Name, p)
	})
}

// The forms of a time. Those without a date are of the last time that was recorded, those
// without an offset are local.
var (
	times = []string{"15:04", "15:04:05"}
	dates = []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05", time.DateOnly}
)

// parseTime returns the time that --at says, given the time now and the end of the
// recording.
func parseTime(s string, now, end time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(s); err == nil && d < 0 {
		return now.Add(d), nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	for _, form := range dates {
		if t, err := time.ParseInLocation(form, s, time.Local); err == nil {
			return t, nil
		}
	}
	for _, form := range times {
		if t, err := time.Parse(form, s); err == nil {
			return lastTime(t, end), nil
		}
	}
	return time.Time{}, fmt.Errorf("--at %s: must be a time such as 03:12, -2h or 2026-11-27T03:12:04Z", s)
}

// lastTime returns the last time of day, in local time, that is not after the end.
func lastTime(t, end time.Time) time.Time {
	end = end.Local()
	at := time.Date(end.Year(), end.Month(), end.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.Local)
	if at.After(end) {
		at = at.AddDate(0, 0, -1)
	}
	return at
}
