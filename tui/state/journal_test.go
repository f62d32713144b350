package state

import (
	"testing"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
)

// A wait that began before the watch did is still known of when it is over.
func TestSpanBeforeTheWatch(t *testing.T) {
	now := time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)
	asked, granted := now.Add(-25*time.Second), now.Add(-10*time.Second)
	r := inspect.Request{Key: "/a/write/1", Lock: inspect.LockID{Layout: layout.RWLock, Name: "/a"}, Revision: 3, Since: asked, Holding: true}
	var j journal
	j.Take(inspect.Event{Kind: inspect.EventGranted, Request: r, Revision: 5, Time: granted})
	for _, s := range j.ForLock(inspect.Lock{ID: r.Lock, Queue: []inspect.Request{r}}) {
		if got := s.Begin(now); !got.Equal(asked) || !s.Granted.Equal(granted) {
			t.Errorf("began at %v and was granted at %v", got, s.Granted)
		}
	}
}
