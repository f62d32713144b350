package supervise

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// blocker is who keeps a request waiting.
type blocker struct {
	head inspect.Request // of the queue, which holds the lock
	more int             // requests between the head and the waiting one that also block it
	id   string          // equal for equal blockers, at whatever time
}

// findBlocker returns who blocks the request with a lease or, if there is none,
// a request that would be made now. It reports false when nothing does.
//
// It counts the requests that block the request's blockers too: a reader waits for
// a writer, and with it for the readers ahead of that writer.
func findBlocker(l inspect.Lock, lease int64, mode keyspace.Mode) (blocker, bool) {
	own := slices.IndexFunc(l.Queue, func(r inspect.Request) bool { return r.Lease == lease })
	if own < 0 {
		own = len(l.Queue)
		l.Queue = append(slices.Clone(l.Queue), inspect.Request{Mode: mode, Revision: math.MaxInt64})
	}
	blockers := l.Blockers(own)
	if len(blockers) == 0 {
		return blocker{}, false
	}
	last := blockers[len(blockers)-1].Key
	b := blocker{
		head: l.Queue[0],
		more: slices.IndexFunc(l.Queue, func(r inspect.Request) bool { return r.Key == last }),
	}
	b.id = b.head.Key + " " + strconv.Itoa(b.more)
	return b, true
}

// text describes the blocker for people. Its request may lie in the future by this
// clock, which then counts as just made.
func (b blocker) text(now time.Time) string {
	r := b.head
	text := fmt.Sprintf("%s: held by %s (%s", r.Lock.Name, r.Who(), r.Mode)
	if !r.Since.IsZero() {
		text += fmt.Sprintf(", requested %s ago", format.Duration(now.Sub(r.Since)))
	}
	text += ")"
	if b.more > 0 {
		text += fmt.Sprintf(", %d more ahead", b.more)
	}
	return text
}
