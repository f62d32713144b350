package rwlock

import (
	"slices"
	"testing"
)

// The watches that one break ends come back on one stream, and however often that happens,
// the streams that are in use stay few: the oldest is retired.
func TestWatchStreams(t *testing.T) {
	var w watchStreams
	var watches, ended []*watchStream
	for range 100 {
		for range 10 {
			watches = append(watches, w.join())
		}
		last := watches[len(watches)-1]
		w.broke(last)
		w.broke(last) // another watch that the same break has ended
		if next := w.join(); next == last || next.ctx.Err() != nil {
			t.Fatal("the next watch is not on a fresh stream")
		} else {
			w.leave(next)
		}
		for s := range slices.Values(slices.Clone(watches)) { // as waiters do that are in doubt
			if s.ctx.Err() != nil {
				ended = append(ended, s)
				watches = slices.Delete(watches, slices.Index(watches, s), slices.Index(watches, s)+1)
				w.leave(s)
			}
		}
		if len(w.used) > maxWatchStreams {
			t.Fatalf("%d streams are in use, want at most %d", len(w.used), maxWatchStreams)
		}
	}
	if len(ended) == 0 || w.watches() != len(watches) {
		t.Errorf("%d watches were moved, %d of %d are counted", len(ended), w.watches(), len(watches))
	}
}
