package console

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"etcd-lock/internal/backoff"
	"etcd-lock/internal/flight"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/lockclass"
	"etcd-lock/internal/profile"
	"etcd-lock/tui/backend"
)

// eventsAtOnce is how many events of a recording are read at a time.
const eventsAtOnce = 1000

func newRecording(path string, rules *layout.Set, classes lockclass.Rules) *recording {
	return &recording{opener: flight.Opener{Path: path, Rules: rules}, classes: classes}
}

// recording reads how the locks were from what a recorder kept.
type recording struct {
	cluster string // of which it must be; empty: any
	classes lockclass.Rules

	mu     sync.Mutex
	opener flight.Opener
	first  map[backend.Place]backend.Moment // that was read before it was asked for
}

// begin reads the moment that is shown first, to find out whether there is one.
func (r *recording) begin(ctx context.Context, prefixes []string, at backend.Place) error {
	m, err := r.At(ctx, prefixes, at)
	if err == nil {
		r.first = map[backend.Place]backend.Moment{at: m}
	}
	return err
}

// check finds out whether the recording is of the cluster.
func (r *recording) check(ctx context.Context) error {
	return r.use(ctx, func(rec *flight.Recording) error {
		if of := rec.Cluster(); r.cluster != "" && of != "" && of != r.cluster {
			return fmt.Errorf("the recording is of another cluster: %s, and this is %s", of, r.cluster)
		}
		return nil
	})
}

// use calls f with the recording, one call at a time.
func (r *recording) use(ctx context.Context, f func(*flight.Recording) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	opened, err := r.opener.Open()
	if err != nil {
		return err
	}
	return f(opened)
}

// At implements backend.Past.
func (r *recording) At(ctx context.Context, prefixes []string, at backend.Place) (moment backend.Moment, err error) {
	err = r.use(ctx, func(rec *flight.Recording) error {
		if m, known := r.first[at]; known {
			moment, r.first = m, nil
			return nil
		}
		m, err := momentAt(rec, at)
		if err != nil {
			return err
		}
		if m.Snapshot, err = flight.Within(m.Snapshot, prefixes); err != nil {
			return err
		}
		m.Snapshot.Other = max(m.Snapshot.Other, 0)
		moment = backend.Moment{
			Snapshot: m.Snapshot, Place: backend.Place{Revision: m.Snapshot.Revision, Time: m.Time.Local()}, Floor: placeOf(rec.Begin()),
			Recorded: true, Last: rec.Last().Time.Local(), Leases: map[int64]backend.LeaseReply{}, Doubts: m.Doubts,
		}
		for id, l := range m.Leases {
			moment.Leases[id] = backend.LeaseReply{Lease: l, At: m.LookedUp[id]}
		}
		return nil
	})
	return moment, err
}

func momentAt(r *flight.Recording, at backend.Place) (flight.Moment, error) {
	switch {
	case at.End:
		return r.End()
	case at.Time.IsZero():
		return r.Rev(at.Revision)
	default:
		return r.At(at.Time)
	}
}

func placeOf(m flight.Mark) backend.Place {
	return backend.Place{Revision: m.Revision, Time: m.Time.Local()}
}

// Cost implements backend.Past.
func (r *recording) Cost(backend.Place, int) string { return "" }

// Changes implements backend.Past.
func (r *recording) Changes(ctx context.Context, given []string, at backend.Place, by int) (changes backend.Changes, err error) {
	err = r.use(ctx, func(rec *flight.Recording) error {
		if at.Time.IsZero() {
			m, err := momentAt(rec, at)
			if err != nil {
				return err
			}
			at = backend.Place{Revision: at.Revision, Time: m.Time}
		}
		read := rec.Before
		if by > 0 {
			read = rec.After
		}
		p, err := read(at.Time, eventsAtOnce)
		if err != nil {
			return err
		}
		changes = newChanges(p, keyspace.NewPrefixes(given...))
		if by < 0 {
			changes.Until = at
		} else {
			changes.Since = at
		}
		return nil
	})
	return changes, err
}

// newChanges returns what a passage says of the locks below prefixes.
func newChanges(p flight.Passage, prefixes keyspace.Prefixes) backend.Changes {
	c := backend.Changes{Recorded: true, Floor: placeOf(p.Begin), Since: placeOf(p.Since), Until: placeOf(p.Until)}
	for _, s := range p.Steps {
		at := backend.Place{Revision: s.Revision, Time: s.Time.Local()}
		for _, e := range s.Events {
			if flight.IsWithin(e.Lock(), e.Request.Key, prefixes) {
				e.Time = e.Time.Local()
				c.Events = append(c.Events, backend.Change{Event: e, Place: at})
			}
		}
		if text := s.Text(); text != "" {
			c.Notes = append(c.Notes, backend.Note{Place: at, Text: text, Gap: s.Kind == flight.KindPicture || s.Missed > 0})
		}
		for _, f := range s.Raised {
			c.Notes = append(c.Notes, backend.Note{Place: at, Severity: f.Severity, Text: f.Severity + ": " + string(f.Text)})
		}
		for _, f := range s.Cleared {
			c.Notes = append(c.Notes, backend.Note{Place: at, Severity: f.Severity, Text: "no longer " + f.Severity + ": " + string(f.Text)})
		}
	}
	return c
}

// Granted implements backend.Past. After a gap in which the request was granted, it is the end
// of the gap.
func (r *recording) Granted(ctx context.Context, request inspect.Request) (place backend.Place, err error) {
	err = r.use(ctx, func(rec *flight.Recording) error {
		begun := false
		err := rec.ReplayRev(max(request.Revision-1, rec.Begin().Revision), func(s flight.Step) error {
			granted := slices.ContainsFunc(s.Events, func(e inspect.Event) bool {
				return e.Kind == inspect.EventGranted && e.Request.Key == request.Key
			})
			l, _ := s.After.Find(request.Lock)
			switch {
			case !begun && holds(l, request.Key):
				return errors.New("it was granted before the recording begins")
			case granted || holds(l, request.Key):
				place = backend.Place{Revision: s.Revision, Time: s.Time.Local()}
				return errFound
			}
			begun = true
			return ctx.Err()
		})
		if errors.Is(err, errFound) {
			return nil
		}
		return err
	})
	return place, err
}

var errFound = errors.New("console: found")

// Profile implements backend.Archive. It reads for long, and so not in turn with what the
// user waits for.
func (r *recording) Profile(ctx context.Context, prefixes []string, from, to time.Time) (profile.Profile, error) {
	rec, err := flight.Open(r.opener.Path, r.opener.Rules)
	if err != nil {
		return profile.Profile{}, err
	}
	c := profile.New(profile.Options{Limits: profile.ModestLimits, Classes: r.classes})
	if _, err := rec.Follow(ctx, from, to, prefixes, c); err != nil { // the moment at the end has what is damaged
		return profile.Profile{}, err
	}
	return c.Profile(time.Time{}), nil
}

const (
	// overviewCells is how finely the time of a recording is divided.
	overviewCells = 2048
	// overviewEvery is how often a recording is looked at again, and how often what was
	// read of it is sent.
	overviewEvery = 10 * time.Second
	overviewSoon  = time.Second / 2
)

// Overview implements backend.Archive.
func (r *recording) Overview(ctx context.Context) <-chan backend.Overview {
	out := make(chan backend.Overview)
	go func() {
		defer close(out)
		s := flight.NewSurveyor(r.opener.Path, r.opener.Rules)
		for {
			if err := s.Begin(); err == nil {
				survey(ctx, s, out)
			}
			if !backoff.Wait(ctx, overviewEvery) {
				return
			}
		}
	}()
	return out
}

// survey reads what was not read yet, and sends what is known now and then. It ends early at what
// cannot be read.
func survey(ctx context.Context, s *flight.Surveyor, out chan<- backend.Overview) {
	var sent time.Time
	for {
		more, err := s.Next(ctx)
		if more && err == nil && time.Since(sent) < overviewSoon {
			continue
		}
		sent = time.Now()
		select {
		case out <- newOverview(s.Overview(overviewCells)):
		case <-ctx.Done():
			return
		}
		if !more || err != nil {
			return
		}
	}
}

func newOverview(o flight.Overview) backend.Overview {
	v := backend.Overview{Begin: o.Begin.Local(), End: o.End.Local(), Read: o.Read.Local(), Waiters: o.Waiters}
	for _, f := range o.Raised {
		v.Marks = append(v.Marks, backend.Mark{Time: f.Time.Local(), Severity: f.Severity, Text: string(f.Text)})
	}
	return v
}

// last returns where the recording ends.
func (r *recording) last() (place backend.Place, err error) {
	err = r.use(context.Background(), func(rec *flight.Recording) error {
		place = placeOf(rec.Last())
		return nil
	})
	return place, err
}
