// Package slogrwlock logs what happens to requests of package rwlock, with log/slog.
//
//	m := session.NewRWMutex("/jobs/nightly", slogrwlock.WithLogger(slog.Default()))
package slogrwlock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"etcd-lock/rwlock"
)

// WithLogger returns an option that logs each event of a request, in the context of its
// acquisition.
//
// The message is "lock waiting", "lock queued", "lock granted", "lock failed", "lock released"
// or "lock lost". A loss is a warning, and so are the errors of Unlock, and of acquisitions
// unless a Try was refused or the caller's context ended. Everything else is at level debug.
// Attributes: lock and mode, or locks of a Set; weight and permits of a semaphore; token, waited
// and held; position and ahead, the owner right ahead, of who is queued; error.
//
// With a nil logger, nothing is logged.
func WithLogger(l *slog.Logger) rwlock.Option {
	if l == nil {
		return rwlock.WithTracer(nil)
	}
	return rwlock.WithTracer(func(ctx context.Context, e rwlock.Event) (string, func(rwlock.Event)) {
		ctx = context.WithoutCancel(ctx) // of which handlers need no more than the values
		log := func(e rwlock.Event) { l.LogAttrs(ctx, level(e), "lock "+string(e.Kind), attributes(e)...) }
		log(e)
		return "", log
	})
}

func level(e rwlock.Event) slog.Level {
	switch {
	case e.Kind == rwlock.EventLost, e.Kind == rwlock.EventReleased && e.Err != nil:
		return slog.LevelWarn
	case e.Kind != rwlock.EventFailed, errors.Is(e.Err, rwlock.ErrLocked),
		errors.Is(e.Err, context.Canceled), errors.Is(e.Err, context.DeadlineExceeded):
		return slog.LevelDebug
	default:
		return slog.LevelWarn
	}
}

func attributes(e rwlock.Event) []slog.Attr {
	attrs := locks(e.Locks)
	if e.Token != 0 {
		attrs = append(attrs, slog.Int64("token", e.Token))
	}
	switch e.Kind {
	case rwlock.EventGranted, rwlock.EventFailed:
		attrs = append(attrs, slog.Duration("waited", e.Waited))
	case rwlock.EventReleased, rwlock.EventLost:
		attrs = append(attrs, slog.Duration("held", e.Held))
	}
	if e.Position > 0 {
		attrs = append(attrs, slog.Int("position", e.Position))
	}
	if n := len(e.Ahead); n > 0 {
		attrs = append(attrs, owner(e.Ahead[n-1].Owner))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.Any("error", e.Err))
	}
	return attrs
}

func locks(all []rwlock.LockRequest) []slog.Attr {
	if len(all) == 1 {
		attrs := []slog.Attr{slog.String("lock", all[0].Name), slog.String("mode", all[0].Mode.String())}
		if all[0].Mode == rwlock.Slot {
			attrs = append(attrs, slog.Int("weight", all[0].Weight), slog.Int("permits", all[0].Permits))
		}
		return attrs
	}
	var texts []string
	for _, l := range all {
		text := l.Mode.String() + " " + l.Name
		if l.Mode == rwlock.Slot {
			text += fmt.Sprintf(" %d/%d", l.Weight, l.Permits)
		}
		texts = append(texts, text)
	}
	return []slog.Attr{slog.String("locks", strings.Join(texts, ", "))}
}

func owner(o rwlock.Owner) slog.Attr {
	return slog.Group("ahead", slog.String("host", o.Host), slog.Int("pid", o.PID), slog.String("program", o.Program),
		slog.String("label", o.Label))
}
