package recording

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/etcd"
	"etcd-lock/internal/flight"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// SnapshotOptions are the options of Snapshot.
type SnapshotOptions struct {
	File      string // that must not exist
	Recording string // that is read in place of etcd; empty: etcd is read
	Span      Span
	Anonymize bool
	Prefixes  []string
	Rules     func() (*layout.Set, error)
	Connect   func(context.Context) (*connect.Conn, error)
	Reach     func(context.Context, *connect.Conn, []string) (keyspace.Prefixes, error)
	Note      func(text string)
	Now       func() time.Time
}

// Check reports options that do not go together.
func (opts *SnapshotOptions) Check() error {
	if opts.Recording != "" && len(opts.Prefixes) > 0 {
		return errors.New("a PREFIX is for what is read from etcd: not with --recording")
	}
	return opts.Span.Check(opts.Recording)
}

// Snapshot writes the locks, and what happened to them, to one file that can be read as a
// recording.
func Snapshot(ctx context.Context, opts *SnapshotOptions) (err error) {
	file, err := os.OpenFile(opts.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = cmp.Or(err, file.Close()); err != nil {
			_ = os.Remove(opts.File)
		}
	}()
	dir := opts.Recording
	if dir == "" {
		scratch, err := etcd.NewScratch()
		if err != nil {
			return err
		}
		defer scratch.Close()
		dir = filepath.Join(scratch.Dir, "recording")
		if err := opts.read(ctx, dir); err != nil {
			return err
		}
	}
	rules, err := opts.Rules()
	if err != nil {
		return err
	}
	r, err := flight.Open(dir, rules)
	if err != nil {
		return err
	}
	from, to, err := opts.Span.Times(r, opts.Now())
	if err == nil {
		err = r.Export(file, flight.ExportOptions{From: from, To: to, Anonymize: opts.Anonymize})
	}
	return cmp.Or(err, file.Sync())
}

// read records what etcd has now, and of its history what it still has.
func (opts *SnapshotOptions) read(ctx context.Context, dir string) error {
	c, err := opts.Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	prefixes, err := opts.Reach(ctx, c, opts.Prefixes)
	if err != nil {
		return err
	}
	var s inspect.Snapshot
	if err := c.Do(ctx, func(ctx context.Context) error {
		s, err = c.Source.Snapshot(ctx, prefixes...)
		return err
	}); err != nil {
		return err
	}
	r, err := flight.NewRecorder(dir, flight.Options{
		Limits:  flight.Limits{Keep: 1 << 62, MaxSize: 1 << 62},
		Cluster: func() string { return c.ClusterID(ctx, prefixes) },
	})
	if err != nil {
		return err
	}
	failed := opts.past(ctx, c, r, s)
	r.Update(inspect.Update{Snapshot: s, Steps: []inspect.Step{{Revision: s.Revision, Other: s.Other, Read: &s}}})
	leases, _ := c.UrgentLeases(ctx, s, inspect.MaxLeases) // what could not be looked up is not known
	recordRound(r, leases, diagnose.Findings(s, leases, diagnose.DefaultThresholds, time.Now()).Findings)
	r.Tick()
	return cmp.Or(failed, ctx.Err(), r.Close())
}

// past records the history before a snapshot. Where etcd has none, or compacts it meanwhile,
// the snapshot has to do.
func (opts *SnapshotOptions) past(ctx context.Context, c *connect.Conn, r *flight.Recorder, s inspect.Snapshot) error {
	history, err := c.Source.History(ctx, max(1, s.Revision-maxCatchUp), s.Prefixes...)
	if errors.Is(err, inspect.ErrCompacted) {
		history, err = c.Source.History(ctx, 0, s.Prefixes...)
	}
	if err == nil && history.Begin.Revision < s.Revision {
		history.End = s.Revision
		if err = r.Recover(history.Updates(ctx), false); err == nil {
			opts.Note(fmt.Sprintf("with etcd's history from revision %d to %d", history.Begin.Revision, s.Revision))
		}
	}
	if err != nil && !errors.Is(err, inspect.ErrCompacted) {
		return err
	}
	return nil
}
