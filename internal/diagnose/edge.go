package diagnose

import "etcd-lock/internal/inspect"

// EdgeKind says why a session cannot continue before another one does.
type EdgeKind string

// The kinds of edges.
const (
	EdgeHard   EdgeKind = "hard"   // To holds what From waits for
	EdgeSoft   EdgeKind = "soft"   // To waits ahead of From
	EdgeInside EdgeKind = "inside" // From holds its lock for a program that is To, as To reports
)

// Edge says that the session From cannot continue before the session To does.
//
// An edge of kind EdgeInside comes from Owner.Under: `etcdctl lock NAME CMD`
// holds NAME until CMD exits, and CMD may wait for another lock with a lease of
// its own. Its Waiter is the request under which To runs, its Blocker the
// request of To that reports this.
type Edge struct {
	From, To        *inspect.Session
	Kind            EdgeKind
	Waiter, Blocker inspect.Request // of From and of To
}

// Blocker is a session that others wait for and that waits for none, or the oldest one of
// a deadlock.
type Blocker struct {
	Session *inspect.Session
	Behind  int // sessions that cannot continue before it, directly or not
}
