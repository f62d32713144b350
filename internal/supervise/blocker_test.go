package supervise

import (
	"testing"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/rwlock"
)

func TestFindBlocker(t *testing.T) {
	id := inspect.LockID{Layout: layout.RWLock, Name: "/a"}
	const r, w = keyspace.Read, keyspace.Write
	queue := func(modes ...keyspace.Mode) inspect.Lock {
		l := inspect.Lock{ID: id}
		for i, m := range modes {
			l.Queue = append(l.Queue, inspect.Request{
				Key: string(rune('a' + i)), Lock: id, Mode: m, Lease: int64(0x10 + i), Revision: int64(i + 1), Holding: i == 0,
			})
		}
		return l
	}
	owned := queue(w)
	owned.Queue[0].Owner, owned.Queue[0].Owned = keyspace.Owner{Host: "web-1", PID: 4711, Label: "worker"}.Ref(), true
	owned.Queue[0].Since = noon.Add(-12 * time.Second)
	bare := queue(w)
	bare.Queue[0].Lease = 0
	beside := inspect.LockID{Layout: layout.Mutex, Name: "/a/read"}
	behind := func(others ...inspect.Request) inspect.Lock {
		me := inspect.Request{Key: "/a/write/x", Lock: id, Mode: w, Owned: true, Lease: 7, Revision: 9}
		return inspect.NewLock(id, []inspect.Request{me}, others...)
	}
	for _, tt := range []struct {
		name string
		lock inspect.Lock
		me   int64
		mode keyspace.Mode
		want string // empty: not blocked
	}{
		{"owner", owned, 0, w, "/a: held by worker pid[4711]@web-1 (write, requested 12s ago)"},
		{"no owner", queue(w), 0, r, "/a: held by lease 0000000000000010 (write)"},
		{"no owner and no lease", bare, 7, r, "/a: held by key a (write)"},
		{"a mutex below it", behind(inspect.Request{Key: "/a/read/1f", Lock: beside, Lease: 0x1f, Revision: 3}), 7, w, "/a: behind /a/read/1f, by which lease 000000000000001f requested /a/read (mutex)"},
		{"other keys", behind(inspect.Request{Key: "/a/read/k", Revision: 3}, inspect.Request{Key: "/a/write/k", Revision: 4}), 7, w, "/a: behind /a/read/k, which is not a lock request, 1 more ahead"},
		{"a key of a lock above", behind(inspect.Request{Key: "/a/write/k", Revision: 4, Cut: true}), 7, w, "/a: behind /a/write/k, which is a request for /a, of which only a part was read"},
		{"free", inspect.Lock{}, 0, w, ""},
		{"reader beside readers", queue(r, r), 0, r, ""},
		{"reader that has its lock", queue(r, r, w), 0x11, r, ""},
		{"writer behind readers", queue(r, r, w), 0x12, w, "/a: held by lease 0000000000000010 (read), 1 more ahead"},
		{"reader behind a writer that waits", queue(r, w, r), 0x12, r, "/a: held by lease 0000000000000010 (read), 1 more ahead"},
		{"reader among readers behind a writer", queue(w, r, r), 0x12, r, "/a: held by lease 0000000000000010 (write)"},
		{"those behind us", queue(w, w, w), 0x11, w, "/a: held by lease 0000000000000010 (write)"},
		{"one that was not let in", queue(w, w), 0, w, "/a: held by lease 0000000000000010 (write), 1 more ahead"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := inspect.Snapshot{Locks: []inspect.Lock{tt.lock}}
			b, ok := findBlocker(s, requestFor(rwlock.LockRequest{Name: id.Name, Mode: rwlock.Mode(tt.mode)}), tt.me)
			got := ""
			if ok {
				got = b.text(noon)
			}
			if got != tt.want {
				t.Errorf("text %q, want %q", got, tt.want)
			}
		})
	}
}
