// Package recording is what the command record does, and how other commands read a
// recording in place of etcd.
package recording

import (
	"cmp"
	"context"
	"errors"
	"time"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/flight"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/narrate"
	"etcd-lock/internal/patrol"
)

// RecordOptions are the options of Record.
type RecordOptions struct {
	Dir      string
	Prefixes []string
	Keep     Age
	MaxSize  Size
	Connect  func(context.Context) (*connect.Conn, error)
	Reach    func(context.Context, *connect.Conn, []string) (keyspace.Prefixes, error) // the prefixes to read, of those
	Note     func(text string)
	Warn     func(text string)
	Follow   string // the recording that this one follows; empty: that in Dir
}

// minSize is the least that a recording may be limited to: with less, hardly more than a
// picture of the locks has room.
const minSize Size = 1 << 20

// Check reports options that cannot be used.
func (opts *RecordOptions) Check() error {
	switch {
	case opts.Dir == "":
		return errors.New("DIR must not be empty")
	case opts.MaxSize < minSize:
		return errors.New("--max-size must be at least 1MiB")
	default:
		return nil
	}
}

// Record records the locks below prefixes in a folder until ctx ends, which is no error.
func Record(ctx context.Context, opts *RecordOptions) (err error) {
	var c *connect.Conn
	var prefixes keyspace.Prefixes
	r, err := flight.NewRecorder(opts.Dir, flight.Options{ // before it connects: whether the folder can be used has nothing to do with etcd
		Limits:  flight.Limits{Keep: time.Duration(opts.Keep), MaxSize: int64(opts.MaxSize)},
		Cluster: func() string { return c.ClusterID(ctx, prefixes) },
		Report:  opts.report,
	})
	if err != nil {
		return err
	}
	defer func() {
		err = cmp.Or(err, r.Close())
		if c != nil {
			c.Close()
		}
	}()
	if c, err = opts.Connect(ctx); err != nil {
		return err
	}
	if prefixes, err = opts.Reach(ctx, c, opts.Prefixes); err != nil {
		return err
	}
	opts.Note("recording in " + opts.Dir)
	return patrol.Run(ctx, c, patrol.Options{Prefixes: prefixes, Leases: inspect.MaxLeases, Brief: true, Sparing: true, Watch: c.Source.WatchSteps},
		&follower{recorder: r, first: func(u inspect.Update) { opts.catchUp(ctx, c, r, u) }})
}

// report says that the recording cannot be written, or can be again.
func (opts *RecordOptions) report(err error) {
	if err != nil {
		opts.Warn("nothing is recorded until this is mended: " + err.Error())
		return
	}
	opts.Note("recording again")
}

// follower passes what a patrol sees to a recorder.
type follower struct {
	recorder *flight.Recorder
	first    func(inspect.Update) // is called before the first update with locks; nil once it was
}

// Update implements patrol.Follower.
func (f *follower) Update(u inspect.Update) {
	if f.first != nil && u.Snapshot.Revision > 0 {
		f.first(u)
		f.first = nil
	}
	f.recorder.Update(u)
}

// Tick implements patrol.Follower.
func (f *follower) Tick() { f.recorder.Tick() }

// Round implements patrol.Follower.
func (f *follower) Round(r patrol.Round) {
	recordRound(f.recorder, r.Leases, r.Findings)
}

// recordRound records what was looked up and found.
func recordRound(r *flight.Recorder, leases map[int64]inspect.Lease, findings []diagnose.Finding) {
	r.Leases(leases)
	all := make([]flight.Finding, 0, len(findings))
	for _, found := range findings {
		all = append(all, newFinding(found))
	}
	r.Findings(all)
}

// newFinding returns a finding as it is recorded.
func newFinding(f diagnose.Finding) flight.Finding {
	record := flight.Finding{Kind: string(f.Kind), Severity: f.Severity.String(), Text: flight.Text(narrate.Present.Finding(f).Headline)}
	for _, l := range f.Locks {
		record.Locks = append(record.Locks, flight.Text(l.Name))
	}
	for _, session := range f.Sessions {
		record.Sessions = append(record.Sessions, flight.Text(session.ID.String()))
	}
	return record
}
