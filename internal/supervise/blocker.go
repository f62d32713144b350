package supervise

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// blocker is who keeps a request waiting.
type blocker struct {
	lock inspect.LockID  // that the request is for
	head inspect.Request // the first that it waits for
	more int             // others that keep it waiting
	id   string          // equal for equal blockers, at whatever time
}

// findBlocker returns who blocks the request for a lock with a lease or, if there is
// none, the one that would be made now. It reports false when nothing does.
//
// It counts the requests that block the request's blockers too: a reader waits for
// a writer, and with it for the readers ahead of that writer.
func findBlocker(s inspect.Snapshot, would inspect.Request, lease int64) (blocker, bool) {
	id := would.Lock
	l, _ := s.Find(id)
	var blockers []inspect.Request
	if own := slices.IndexFunc(l.Queue, func(r inspect.Request) bool { return r.Lease == lease }); own >= 0 {
		blockers = l.Blockers(own)
	} else {
		blockers = s.WouldBlock(would)
	}
	if len(blockers) == 0 {
		return blocker{}, false
	}
	b := blocker{lock: id, head: blockers[0], more: len(blockers) - 1}
	last := blockers[len(blockers)-1].Key
	if at := slices.IndexFunc(l.Queue, func(r inspect.Request) bool { return r.Key == last }); at >= 0 && b.head.Lock == id {
		b.head, b.more = l.Queue[0], max(b.more, at)
	}
	b.id = b.head.Key + " " + strconv.Itoa(b.more)
	return b, true
}

// text describes the blocker for people. Its request may lie in the future by this
// clock, which then counts as just made.
func (b blocker) text(now time.Time) string {
	r := b.head
	text := b.lock.Name + ": "
	switch {
	case !r.IsRequest():
		text += "behind " + r.Key + ", which is " + r.AsOther()
	case r.Lock != b.lock:
		text += fmt.Sprintf("behind %s, by which %s requested %s (%s)", r.Key, r.Who(), r.Lock.Name, r.Lock.Layout)
	default:
		text += b.holder(now)
	}
	if b.more > 0 {
		text += fmt.Sprintf(", %d more ahead", b.more)
	}
	return text
}

// holder describes the head of the lock's own queue.
func (b blocker) holder(now time.Time) string {
	r := b.head
	does := "held by "
	if !r.Holding {
		does = "behind "
	}
	text := fmt.Sprintf("%s%s (%s", does, r.Who(), r.Mode)
	if r.Mode == keyspace.Slot {
		o := r.Owner.Value()
		text = fmt.Sprintf("%s%s (%d of %s", does, r.Who(), o.Weight, format.Count(o.Permits, "permit", "permits"))
	}
	if !r.Since.IsZero() {
		text += fmt.Sprintf(", requested %s ago", format.Duration(now.Sub(r.Since)))
	}
	return text + ")"
}
