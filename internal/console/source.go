package console

import (
	"context"
	"os"
	"runtime"
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
		spared := false
		for u := range updates {
			select {
			case out <- u:
			case <-ctx.Done():
			}
			if !spared && u.Snapshot.Requests() >= manyRequests {
				spared = true
				spare()
			}
		}
	}()
	return out
}

// From manyRequests on, the process spares memory: most of it is the requests, which stay as
// they are, so that garbage is a small part of what is collected.
const (
	manyRequests = 300_000
	sparingGC    = 22 // percent of garbage, instead of 100
)

// spare gives back what it took to read the locks, and lets less garbage gather from now on,
// unless the user has chosen how much. There is then much for the garbage collector to do, and
// with more threads than cores it would take them all for half a second, in which a key press
// takes five times as long: so there are as many threads as cores, unless the user has chosen.
func spare() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(sparingGC)
	}
	if cores := runtime.NumCPU(); runtime.GOMAXPROCS(0) > cores && os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(cores)
	}
	debug.FreeOSMemory()
}
