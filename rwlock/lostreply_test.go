package rwlock

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"google.golang.org/grpc/codes"

	"etcd-lock/internal/etcdtest"
)

// losses are what a client can hear in place of a reply that a middleman lost.
func losses() map[string]etcdtest.Loss {
	all := map[string]etcdtest.Loss{"Reset": {Reset: true}}
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		all[code.String()] = etcdtest.Loss{Code: code}
	}
	for _, status := range []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout} {
		all[fmt.Sprintf("HTTP%d", status)] = etcdtest.Loss{Status: status}
	}
	return all
}

// goesAway reports whether a client goes on after the loss, because such an error
// comes of etcd's troubles or of a middleman's. Of any other it tells its caller,
// and takes back what it has asked for.
func goesAway(l etcdtest.Loss) bool {
	if l.Reset || l.Status != 0 {
		return true
	}
	switch l.Code {
	case codes.Canceled, codes.DeadlineExceeded, codes.Unavailable, codes.Unknown, codes.Internal:
		return true
	default:
		return false
	}
}

// lossy is a client behind a middleman that loses replies.
type lossy struct {
	fixture
	middleman *etcdtest.Middleman
	session   *Session
	mutex     *RWMutex             // of the session
	set       *Set                 // likewise, of two locks below the name
	others    *concurrency.Session // of another client
	other     *RWMutex
}

func newLossy(t *testing.T, name string) *lossy {
	t.Helper()
	f := fixture{T: t, client: etcdtest.Client(t, etcdtest.Shared(t)), name: name}
	l := &lossy{fixture: f, middleman: etcdtest.NewMiddleman(t, etcdtest.Shared(t))}
	l.begin()
	l.others = f.session()
	l.other = NewRWMutex(l.others, name)
	return l
}

// begin gives the client a session.
func (l *lossy) begin() {
	l.Helper()
	s, err := NewSession(l.soon(), etcdtest.Client(l.T, l.middleman.Addr), time.Minute)
	l.must(err)
	l.Cleanup(func() {
		l.middleman.Lose(nil)
		_ = s.Close()
	})
	l.session = s
	l.mutex = s.NewRWMutex(l.name, WithDowngrade())
	l.set = s.NewSet([]LockRequest{{Name: l.name + "/a", Mode: Read}, {Name: l.name + "/b", Mode: Write}})
}

// attached are the keys that the session has in etcd.
func (l *lossy) attached() int {
	l.Helper()
	resp, err := l.client.TimeToLive(l.soon(), l.session.Lease(), clientv3.WithAttachedKeys())
	l.must(err)
	return len(resp.Keys)
}

// step is something that a client does while replies are lost.
type step struct {
	name string
	// before is what it has done when its replies still came.
	before func(*lossy) error
	// do is the step. Where it holds a lock afterwards, it holds it by that many keys.
	do   func(*lossy) error
	keys int
	// want is what do returns; nil for success.
	want error
	// holds is by how many keys it still holds when do fails.
	holds int
	// gives is for a step that gives something back: it does not fail, whatever
	// is lost.
	gives bool
	held  func(*lossy) holder
}

// holder is an RWMutex or a Set.
type holder interface {
	Unlock() error
	Token() int64
}

func ofSet(l *lossy) holder { return l.set }

func steps() []step {
	rlock := func(l *lossy) error { return l.mutex.RLock(l.soon()) }
	rwlock := func(l *lossy) error { return l.mutex.RWLock(l.soon()) }
	lockSet := func(l *lossy) error { return l.set.Lock(l.soon()) }
	upgraded := func(l *lossy) error { return errors.Join(rlock(l), l.mutex.TryUpgrade(l.soon())) }
	downgrade := func(l *lossy) error { return l.mutex.Downgrade(l.soon()) }
	unlock := func(l *lossy) error { return l.mutex.Unlock() }
	return []step{
		{name: "RLock", do: rlock, keys: 1},
		{name: "RWLock", do: rwlock, keys: 2},
		{name: "RWLockContended", before: otherLocks, do: contended, keys: 2},
		{name: "Set", do: lockSet, keys: 2, held: ofSet},
		{name: "TryRLock", do: func(l *lossy) error { return l.mutex.TryRLock(l.soon()) }, keys: 1},
		{name: "TryRWLock", do: func(l *lossy) error { return l.mutex.TryRWLock(l.soon()) }, keys: 2},
		{name: "TrySet", do: func(l *lossy) error { return l.set.TryLock(l.soon()) }, keys: 2, held: ofSet},
		{name: "TryRefused", before: otherLocks, do: func(l *lossy) error { return l.mutex.TryRLock(l.soon()) }, want: ErrLocked},
		{name: "TryUpgrade", before: rlock, do: func(l *lossy) error { return l.mutex.TryUpgrade(l.soon()) }, keys: 2, holds: 1},
		{name: "Downgrade", before: rwlock, do: downgrade, keys: 1, gives: true},
		{name: "DowngradeOfUpgraded", before: upgraded, do: downgrade, keys: 1, gives: true},
		{name: "UnlockRead", before: rlock, do: unlock, gives: true},
		{name: "UnlockWrite", before: rwlock, do: unlock, gives: true},
		{name: "UnlockUpgraded", before: upgraded, do: unlock, gives: true},
		{name: "UnlockDowngraded", before: func(l *lossy) error { return errors.Join(rwlock(l), downgrade(l)) }, do: unlock, gives: true},
		{name: "UnlockSet", before: lockSet, do: func(l *lossy) error { return l.set.Unlock() }, gives: true},
		{name: "LockAndUnlock", do: func(l *lossy) error { return errors.Join(rwlock(l), unlock(l)) }},
		{name: "CloseSession", before: rwlock, do: func(l *lossy) error { return l.session.Close() }},
	}
}

func otherLocks(l *lossy) error { return l.other.RWLock(l.soon()) }

// contended waits for the lock until the other one unlocks it.
func contended(l *lossy) error {
	done := start(func() error { return l.mutex.RWLock(l.soon()) })
	etcdtest.Eventually(l.T, "it waits, or has failed", func() bool { return l.attached() == 2 || len(done) > 0 })
	if err := l.other.Unlock(); err != nil {
		return err
	}
	return l.await(done)
}

// run does the step while some replies are lost, from the call first on, and
// checks what became of it. It returns how many calls there were.
func (s step) run(l *lossy, loss etcdtest.Loss, first, count int) (calls int) {
	l.Helper()
	if s.before != nil {
		l.must(s.before(l))
	}
	l.middleman.Lose(func(call int, _ string) etcdtest.Loss {
		if call < first || call >= first+count {
			return etcdtest.Loss{}
		}
		return loss
	})
	err := s.do(l)
	calls = len(l.middleman.Calls())
	l.middleman.Lose(nil)
	s.check(l, err, loss)
	if l.session.Ctx().Err() != nil { // by the step
		l.begin()
	}
	return calls
}

func (s step) check(l *lossy, err error, loss etcdtest.Loss) {
	l.Helper()
	keys := s.keys
	switch {
	case errors.Is(err, s.want): // or both are nil
	case s.gives || goesAway(loss):
		l.Fatalf("error = %v, want %v", err, s.want)
	default:
		keys = s.holds
	}
	held := holder(l.mutex)
	if s.held != nil {
		held = s.held(l)
	}
	etcdtest.Eventually(l.T, fmt.Sprintf("%d keys", keys), func() bool { return l.attached() == keys })
	if keys > 0 {
		l.mustExclude(s, held)
		l.must(held.Unlock())
	} else if s.name != "CloseSession" {
		l.mustBe(held.Unlock(), ErrNotHeld)
	}
	if s.want != nil {
		l.must(l.other.Unlock())
	}
	l.mustHaveNoKeys()
	l.must(l.other.TryRWLock(l.soon()))
	l.must(l.other.Unlock())
}

// mustExclude checks that what the client believes in is so.
func (l *lossy) mustExclude(s step, held holder) {
	l.Helper()
	guards, name := []clientv3.Cmp{l.mutex.Guard()}, l.name
	if held == holder(l.set) {
		guards, name = l.set.Guard(), l.name+"/b"
	}
	resp, err := l.client.Txn(l.soon()).If(guards...).Commit()
	l.must(err)
	if !resp.Succeeded {
		l.Fatalf("%s: the guard of what is held is not true", s.name)
	}
	l.mustBe(NewRWMutex(l.others, name).TryRWLock(l.soon()), ErrLocked)
}

// Whatever reply is lost, and whatever the client hears in its place: etcd has
// done what it was asked, and the client must find out.
func TestLostReplies(t *testing.T) {
	t.Parallel()
	for _, s := range steps() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for what, loss := range losses() {
				t.Run(what, func(t *testing.T) {
					l := newLossy(t, "/"+t.Name())
					for first := range s.run(l, loss, 0, 0) {
						s.run(l, loss, first, 1)
						if goesAway(loss) { // or the first loss is what the client is told of
							s.run(l, loss, first, 2)
						}
					}
				})
			}
		})
	}
}
