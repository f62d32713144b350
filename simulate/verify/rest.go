package verify

import (
	"time"

	"etcd-lock/internal/format"
)

// owned identifies the requests of a session for one lock.
type owned struct {
	lock  string
	lease int64
}

// checkWaits reports clients that waited for a lock that they held: the request held
// the lock, is in no hold, and still existed when the client gave up.
func (j *judge) checkWaits() {
	if j.opts.Slack == 0 {
		return
	}
	unnoted := map[owned][]*request{}
	for lock, requests := range j.fold.all {
		for _, r := range requests {
			if r.held != 0 && !r.noted {
				at := owned{lock, r.lease}
				unnoted[at] = append(unnoted[at], r)
			}
		}
	}
	for _, w := range j.Waits {
		for _, r := range unnoted[owned{w.Lock, w.Lease}] {
			if due, held := j.fold.complete(r); held && r.Mode == w.Mode && w.misses(r, due+j.opts.Slack) {
				j.report(NotNotified, w.Lock, w.Client, "%s waited for %s %s until %s and was not notified that it held it since %s, revision %d, token %d",
					w.Client, w.Lock, r.use(), format.Clock(w.Ended), format.Clock(due), r.held, r.created)
			}
		}
	}
}

// complete returns when everything that was requested together with r was held, and
// whether it was: a client that acquires several locks holds none before it holds all.
func (f *fold) complete(r *request) (at time.Duration, held bool) {
	for _, q := range f.together[r.created] {
		if q.held == 0 {
			return 0, false
		}
		at = max(at, q.heldAt)
	}
	return at, true
}

// misses reports whether r is the request of w and still existed when w waited beyond
// due.
func (w Wait) misses(r *request, due time.Duration) bool {
	return w.Asked <= r.createdAt && r.createdAt <= w.Ended && due < w.Ended && (r.gone == 0 || r.goneAt > due)
}

// checkRest reports contradictions in the history, and the keys that were put after the
// revision since and still exist.
func (j *judge) checkRest(since int64) {
	for _, wrong := range j.fold.wrong {
		j.report(Contradiction, "", "", "%s", wrong)
	}
	for key, c := range inOrder(j.fold.there) {
		if c.Revision <= since || !counts(j.Sessions, c.Lease) {
			continue
		}
		lock := ""
		if r := j.fold.byKey[key]; r != nil {
			lock = r.Name
		}
		j.report(LeftBehind, lock, j.Sessions[c.Lease], "%q is left behind: put at %s, revision %d, by %s", key, format.Clock(c.At), c.Revision, j.owner(c.Lease))
	}
}
