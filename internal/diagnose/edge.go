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

// Blocker is a session in a tree of the wait-for graph: the sessions below it
// cannot continue before it does.
type Blocker struct {
	Session  *inspect.Session
	Edge     Edge // from it to its parent; zero at a root
	Depth    int  // 0 at a root
	Behind   int  // sessions that cannot continue before it: those below; at a root also those shown below another root
	Children []*Blocker
}
