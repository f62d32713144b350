package inspect

// EdgeKind says why a session cannot go on before another one does.
type EdgeKind string

// The kinds of edges.
const (
	EdgeHard   EdgeKind = "hard"   // To holds what From waits for
	EdgeSoft   EdgeKind = "soft"   // To waits ahead of From
	EdgeInside EdgeKind = "inside" // From holds its lock for a program that is To, as To says itself
)

// Edge says that the session From cannot go on before To does.
//
// An edge inside comes from Owner.Under: `etcdctl lock NAME CMD` holds NAME
// until CMD ends, and CMD may wait for another lock with a lease of its own.
// Its Waiter is the request under which To runs, its Blocker the one of To that
// says so.
type Edge struct {
	From, To        SessionID
	Kind            EdgeKind
	Waiter, Blocker Request // of From and of To
}

// Blocker is a session in a tree of the wait-for graph: what is below it
// cannot go on before it does.
type Blocker struct {
	Session  *Session
	Edge     Edge // from it to its parent; zero at a root
	Depth    int  // 0 at a root
	Behind   int  // sessions that cannot go on before it: those below; at a root also those shown below another root
	Children []*Blocker
}
