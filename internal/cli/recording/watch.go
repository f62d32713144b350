package recording

import (
	"errors"
	"strings"

	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/flight"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// WatchOptions are the options of Watch.
type WatchOptions struct {
	Prefixes    []string
	ChangesOnly bool                                // do not print the requests that exist at the start
	Count       int                                 // end after this many events; 0: at the end of the recording
	Replay      func(func(flight.Step) error) error // passes on what was recorded
	Out         output.Printer
}

var errEnough = errors.New("recording: enough events were printed")

// Watch prints what was recorded, as it happened.
func Watch(opts *WatchOptions) error {
	v := &viewer{opts: opts, prefixes: keyspace.NewPrefixes(opts.Prefixes...), out: output.NewStream(opts.Out, true, docs.EventColumns())}
	err := opts.Replay(v.step)
	switch {
	case errors.Is(err, errEnough):
		return nil
	case err != nil:
		return err
	default:
		return v.out.Write(nil) // the heading, if there was nothing
	}
}

// viewer turns steps of a recording into lines.
type viewer struct {
	opts     *WatchOptions
	prefixes keyspace.Prefixes
	out      *output.Stream
	begun    bool
	printed  int // events
}

func (v *viewer) step(s flight.Step) error {
	entries, err := v.entries(s)
	if err != nil {
		return err
	}
	for i, e := range entries {
		if _, ok := e.(docs.Event); !ok || !v.begun {
			continue
		}
		if v.printed++; v.printed == v.opts.Count {
			return errors.Join(v.out.Write(entries[:i+1]), errEnough)
		}
	}
	v.begun = true
	return v.out.Write(entries)
}

// entries returns the lines of a step.
func (v *viewer) entries(s flight.Step) ([]output.Entry, error) {
	note := docs.Notice{Event: string(s.Kind), Time: s.Time.Local(), Revision: s.Revision}
	switch s.Kind {
	case flight.KindPicture:
		return v.picture(s, note)
	case flight.KindChange:
		return v.changes(s, note)
	case flight.KindLost, flight.KindDamaged:
		note.Error, note.Text = s.Text(), s.Text()
	case flight.KindFindings:
		return append(v.findings("cleared", s.Cleared, note), v.findings("raised", s.Raised, note)...), nil
	default:
		note.Text = s.Text()
	}
	return []output.Entry{note}, nil
}

// picture returns the lines of the locks at the start, or of what a gap has changed.
func (v *viewer) picture(s flight.Step, note docs.Notice) ([]output.Entry, error) {
	switch {
	case !v.begun && v.opts.ChangesOnly:
		return nil, nil
	case !v.begun:
		note.Event, note.Text = "snapshot", "state at "+flight.Show(s.Time)
	case s.Resync.Happened():
		note.Event, note.Text = "resynced", s.Text()+"; net changes follow"
		note.Cause, note.From, note.TokensWentBack = string(s.Resync.Cause), s.Resync.From, s.Resync.TokensRepeat()
	default:
		note.Event, note.Text = "gap", s.Text()+"; net changes follow"
	}
	return v.summary(s, note)
}

// changes returns the lines of events or, if some of them are not known, of what they come
// to.
func (v *viewer) changes(s flight.Step, note docs.Notice) ([]output.Entry, error) {
	if s.Missed > 0 {
		note.Event, note.Missed = "gap", s.Missed+len(s.Events)
		note.Text = s.Text() + "; net changes follow"
		return v.summary(s, note)
	}
	var all []output.Entry
	for _, e := range s.Events {
		if flight.IsWithin(e.Lock(), e.Request.Key, v.prefixes) {
			e.Time = e.Time.Local()
			all = append(all, docs.NewEvent(e))
		}
	}
	return all, nil
}

// summary returns a notice and the net changes of a step.
func (v *viewer) summary(s flight.Step, note docs.Notice) ([]output.Entry, error) {
	after, err := flight.Within(s.After, v.opts.Prefixes)
	if err != nil {
		return nil, err
	}
	before := s.Before
	if before.Revision > 0 {
		before, err = flight.Within(before, v.opts.Prefixes)
	}
	changes := inspect.Compare(before, after)
	number := len(changes)
	note.Summary = &number
	all := []output.Entry{note}
	for _, e := range changes {
		all = append(all, docs.Summary(e, s.Revision, s.Time.Local()))
	}
	return all, err
}

// findings returns the lines of problems that were raised or cleared.
func (v *viewer) findings(event string, list []flight.Finding, note docs.Notice) (all []output.Entry) {
	for _, f := range list {
		found := docs.Finding{Kind: f.Kind, Severity: f.Severity, Text: string(f.Text), Locks: []string{}, Sessions: []string{}}
		for _, l := range f.Locks {
			found.Locks = append(found.Locks, string(l))
		}
		for _, s := range f.Sessions {
			found.Sessions = append(found.Sessions, string(s))
		}
		found.LocksBase64, found.SessionsBase64 = output.Base64s(found.Locks), output.Base64s(found.Sessions)
		note.Event, note.Finding, note.Text = event, &found, f.Severity+": "+found.Text
		if v.prefixes.All() || len(f.Locks) == 0 || hasPrefix(found.Locks, v.prefixes) {
			all = append(all, note)
		}
	}
	return all
}

// hasPrefix reports whether a lock may be below one of the prefixes.
func hasPrefix(locks []string, prefixes keyspace.Prefixes) bool {
	for _, l := range locks {
		for _, p := range prefixes {
			if strings.HasPrefix(l+"/", p) {
				return true
			}
		}
	}
	return false
}
