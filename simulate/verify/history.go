package verify

import (
	"fmt"
	"time"

	"etcd-lock/internal/format"
)

// History is what etcd did to the keys below a prefix, without gaps.
type History struct {
	Since   int64    // the revision before the first change
	Before  []Change // the puts of the keys that existed at Since
	Changes []Change // in etcd's order
}

// Change is one event of etcd's history.
type Change struct {
	Revision int64
	Key      string
	Put      bool          // otherwise the key was deleted
	Create   int64         // create revision, of a put
	Lease    int64         // of a put
	Weight   int           // of the put of a request for a semaphore: how many permits
	Permits  int           // of the put of a request for a semaphore: how many it has, as the client was told
	At       time.Duration // when the recorder was notified, which is later than it happened
}

// String formats the change in one line.
func (c Change) String() string {
	what := "delete"
	if c.Put {
		what = "put by " + format.Lease(c.Lease)
	}
	return fmt.Sprintf("%s revision %d: %s %s", format.Clock(c.At), c.Revision, what, c.Key)
}
