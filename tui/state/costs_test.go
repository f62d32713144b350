package state

import (
	"fmt"
	"testing"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/lockclass"
)

// TestCostsOfMany wants what waiting costs to be counted from the start, but of very many
// requests only once it is asked for.
func TestCostsOfMany(t *testing.T) {
	for _, tt := range []struct {
		requests int
		at       bool // from the start
	}{{ManyRequests - 1, true}, {ManyRequests, false}} {
		id := inspect.LockID{Layout: layout.RWLock, Name: "/a"}
		queue := make([]inspect.Request, tt.requests)
		for i := range queue {
			queue[i] = inspect.Request{Key: fmt.Sprint("/a/write/", i), Lock: id, Mode: keyspace.Write, Revision: int64(2 + i)}
		}
		locks := inspect.Snapshot{Locks: []inspect.Lock{inspect.NewLock(id, queue)}}
		now := time.Unix(1000, 0)
		l := NewLessons(lockclass.Rules{})
		l.Count(now, inspect.Snapshot{}) // nothing is known yet
		l.Learn([]Seen{{At: now, Locks: &locks}})
		if _, counted := l.Profile(now); counted != tt.at {
			t.Errorf("%d requests: counted %v", tt.requests, counted)
		}
		l.Count(now.Add(time.Minute), locks)
		p, counted := l.Profile(now.Add(2 * time.Minute))
		if want := time.Duration(tt.requests-1) * time.Minute; !counted || !tt.at && p.Waited != want {
			t.Errorf("%d requests: counted %v, waited %v, want %v", tt.requests, counted, p.Waited, want)
		}
	}
}
