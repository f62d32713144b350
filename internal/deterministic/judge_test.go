package deterministic

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/locks"
	"etcd-lock/internal/trace"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/scenario"
	"etcd-lock/simulate/verify"
)

// locker returns the locks that the plan is about.
func (w *world) locker(s *rwlock.Session) (locks.Locker, error) {
	if m, ok := mutants[w.Impl]; ok {
		return m(s), nil
	}
	return locks.New(s, w.Impl)
}

// isRWLock reports whether the locks have the keys of package rwlock.
func (w *world) isRWLock() bool {
	return w.Impl != scenario.ImplMutex && w.Impl != scenario.ImplRecipe
}

// checkGrant checks a grant against etcd: at that instant, nothing that was requested
// before may be in the way, whatever the client knew. A token is never smaller than that
// of a key that was granted before it, because a key holds its place for good. And the keys
// have to tell of the grant: an inspector knows nothing else.
func (w *world) checkGrant(l rwlock.LockRequest, token int64) {
	if !w.isRWLock() {
		return
	}
	keys := w.Keys(l.Name+"/", 0)
	for _, kv := range keys {
		key, ok := keyspace.ParseRWLock(string(kv.Key))
		conflicts := key.Mode == keyspace.Write || l.Mode == rwlock.Write
		if ok && key.Name == l.Name && kv.CreateRevision == token && !holds(kv, keys) {
			w.mu.Lock()
			w.fail("shown as waiting", "%s %s, which was granted with token %d", l.Mode, l.Name, token)
			w.mu.Unlock()
		}
		if !ok || key.Name != l.Name || !conflicts || kv.CreateRevision >= token {
			continue
		}
		w.mu.Lock()
		if !w.ownKey(l.Name, kv.CreateRevision, token) {
			w.fail("granted too early", "%s %s was granted with token %d, but revision %d is ahead of it", l.Mode, l.Name, token, kv.CreateRevision)
		}
		w.mu.Unlock()
	}
}

// ownKey reports whether a key belongs to the hold with this token, which was upgraded.
func (w *world) ownKey(lock string, created, token int64) bool {
	for _, h := range w.holds {
		if h.Lock == lock && h.Stages[0].Token == created && h.Stages[len(h.Stages)-1].Token == token {
			return true
		}
	}
	return false
}

// judge checks what is left in the end, and when clients learned of what.
func (w *world) judge(goroutines int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.sessions {
		if t.outlived() {
			w.fail("late", "etcd ended %s at %s, and its client believed in it until %s", t.name, t.expired.Sub(w.began), t.ended.Sub(w.began))
		}
	}
	w.mu.Unlock() // the cluster calls the world with its lock held
	keys, leases, watches := w.Keys("/", 0), w.Leases(), w.Watches()
	w.mu.Lock()
	for _, kv := range keys {
		w.fail("left behind", "the key %s of revision %d", shape(string(kv.Key)), kv.CreateRevision)
	}
	if len(leases) > 0 {
		w.fail("left behind", "%d leases", len(leases))
	}
	if watches > 0 {
		w.fail("left behind", "%d streams of watches", watches)
	}
	if now := runtime.NumGoroutine(); now > goroutines {
		w.fail("left behind", "%d goroutines:\n%s", now-goroutines, stacks())
	}
}

// outlived reports whether the client believed in the session after it had expired: a
// lease that expired before the client had the reply to its grant is none that it used.
func (t *tenancy) outlived() bool {
	return !t.expired.IsZero() && !t.opened.IsZero() && t.opened.Before(t.expired) && (t.ended.IsZero() || t.ended.After(t.expired))
}

// stacks returns the stacks of all goroutines.
func stacks() string {
	b := make([]byte, 1<<20)
	return string(b[:runtime.Stack(b, true)])
}

// verdict judges the history as that of every scenario is, outside of the bubble.
func (w *world) verdict() []failure {
	seen := verify.Seen{Waits: w.waits, Sessions: map[int64]string{}}
	for _, h := range w.holds {
		seen.Holds = append(seen.Holds, *h)
	}
	for lease, t := range w.sessions {
		seen.Sessions[lease] = t.name
	}
	failures := w.steps()
	verdict := verify.Judge(seen, verify.History{Since: 1, Changes: w.changes}, verify.Options{Slack: patience, Limit: 10 * time.Second})
	for _, v := range verdict.Violations {
		if v.Kind != verify.LeftBehind { // which is judged by what etcd has
			failures = append(failures, failure{string(v.Kind), v.Text + fmt.Sprintf("\n      %s", strings.Join(v.Story(), "\n      "))})
		}
	}
	return failures
}

// hook returns a hook for one request of an actor, or none for locks of other packages,
// which have hooks of their own kind.
func (w *world) hook(i int) func(rwlock.Event) {
	if w.Impl != "" {
		return nil
	}
	return w.trace.Hook(actorName(i), nil)
}

// steps returns what hooks reported and the protocol does not allow.
func (w *world) steps() (failures []failure) {
	for _, fault := range trace.Check(w.trace.Steps()) {
		failures = append(failures, failure{"no step", fault})
	}
	return failures
}
