package console

import (
	"context"
	"os"
	"runtime/debug"

	"etcd-lock/internal/inspect"
)

// source is an inspect.Source whose Watch also says why requests are gone.
type source struct{ *inspect.Source }

// Watch implements backend.Source.
func (s source) Watch(ctx context.Context, prefixes ...string) <-chan inspect.Update {
	updates, out := s.WatchKinds(ctx, prefixes...), make(chan inspect.Update)
	go func() {
		defer close(out)
		letGarbage(usualGC)
		spared := false
		for u := range updates {
			select {
			case out <- u:
			case <-ctx.Done():
			}
			if !spared && u.Snapshot.Requests() >= manyRequests {
				spared = true
				spareMemory()
			}
		}
	}()
	return out
}

// How much garbage gathers, in percent of what is in use. From manyRequests on, most of that is
// requests, which stay as they are, so that it can be little. Before they have been read it is not
// known how many there will be.
const (
	manyRequests = 300_000
	usualGC      = 50
	sparingGC    = 25
)

// spareMemory gives back what it took to read the locks, and lets less garbage gather from now
// on.
func spareMemory() {
	letGarbage(sparingGC)
	debug.FreeOSMemory()
}

// letGarbage lets so much garbage gather, unless less does already, or the user has chosen how
// much.
func letGarbage(percent int) {
	if os.Getenv("GOGC") != "" {
		return
	}
	if before := debug.SetGCPercent(percent); before >= 0 && before < percent {
		debug.SetGCPercent(before)
	}
}
