// Package follow has commands follow what happens to locks for a time: on etcd, or in a
// recording.
package follow

import (
	"context"
	"errors"
	"time"

	"etcd-lock/internal/access"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/flight"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// Live says how to follow the locks of an etcd.
type Live struct {
	Prefixes []string
	For      time.Duration // 0: until ctx ends
	Connect  func(context.Context) (*connect.Conn, error)
	Reach    func(context.Context, *connect.Conn, []string) (keyspace.Prefixes, error) // the prefixes to read, of those
	Now      func() time.Time
	Warn     func(text string)
}

// errNothingSeen says that etcd has not answered.
var errNothingSeen = errors.New("etcd did not answer before the end: nothing was seen")

// Follow has f follow until the time is over or ctx ends, which is no error once f has begun.
// The first snapshot is the start.
func (l *Live) Follow(ctx context.Context, f flight.Follower) error {
	c, err := l.Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	prefixes, err := l.Reach(ctx, c, l.Prefixes)
	if err != nil {
		return err
	}
	watching, stop := context.WithCancel(ctx)
	updates := c.Source.Watch(watching, prefixes...)
	defer func() {
		stop()
		for range updates { // until the watch has ended
		}
	}()
	return l.follow(ctx, updates, f)
}

func (l *Live) follow(ctx context.Context, updates <-chan inspect.Update, f flight.Follower) error {
	feed := feed{Follower: f, now: l.Now, warn: l.Warn}
	var over <-chan time.Time // of the time since the start
	for {
		select {
		case u, ok := <-updates:
			if !ok {
				return feed.end(ctx)
			}
			begun := feed.begun
			if err := feed.update(u); err != nil {
				return err
			}
			if feed.begun && !begun && l.For > 0 {
				timer := time.NewTimer(l.For)
				defer timer.Stop()
				over = timer.C
			}
		case <-over:
			return feed.end(ctx)
		case <-ctx.Done():
			return feed.end(ctx)
		}
	}
}

// feed passes updates on.
type feed struct {
	flight.Follower
	now   func() time.Time
	warn  func(text string)
	begun bool
	lost  bool
}

func (f *feed) update(u inspect.Update) error {
	switch {
	case u.Err != nil && !f.begun && access.IsPermissionDenied(u.Err):
		return u.Err // retrying does not help
	case u.Err != nil && !f.lost:
		f.warn("etcd does not answer: " + format.Plainly(u.Err))
	}
	f.lost = u.Err != nil
	switch {
	case u.Snapshot.Revision == 0: // etcd has not answered yet
		return nil
	case !f.begun:
		f.begun = true
		f.Begin(f.now(), u.Snapshot)
	case u.Resynced.Happened() || u.Missed > 0:
		f.Gap(f.now(), u.Snapshot)
	default:
		f.Apply(u.Events)
		f.Advance(f.now())
	}
	return nil
}

// end ends the time that is followed.
func (f *feed) end(ctx context.Context) error {
	if !f.begun {
		if err := ctx.Err(); err != nil {
			return err
		}
		return errNothingSeen
	}
	f.Advance(f.now())
	return nil
}
