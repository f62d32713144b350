package verify

import (
	"time"

	"etcd-lock/internal/format"
)

// seat is where a request stands when only its session is known.
type seat struct {
	lock  string
	lease int64
}

// checkWaits reports who waited on for a lock that it had: whose request came to
// hold it, was told of by no hold, and was still there when the client gave up.
func (j *judge) checkWaits() {
	if j.opts.Slack == 0 {
		return
	}
	untold := map[seat][]*request{}
	for lock, requests := range j.fold.all {
		for _, r := range requests {
			if r.held != 0 && !r.told {
				at := seat{lock, r.lease}
				untold[at] = append(untold[at], r)
			}
		}
	}
	for _, w := range j.Waits {
		for _, r := range untold[seat{w.Lock, w.Lease}] {
			if due, held := j.fold.complete(r); held && r.Mode == w.Mode && w.misses(r, due+j.opts.Slack) {
				j.lacking(Untold, w.Lock, w.Client, "%s waited for %s to %s until %s and was never told that it had had it since %s, revision %d, token %d",
					w.Client, w.Lock, w.Mode, format.Clock(w.Ended), format.Clock(due), r.held, r.created)
			}
		}
	}
}

// complete is when all that was asked for together with r came to be held, and
// whether it was: one who takes several locks has none before it has all.
func (f *fold) complete(r *request) (at time.Duration, held bool) {
	for _, q := range f.together[r.created] {
		if q.held == 0 {
			return 0, false
		}
		at = max(at, q.heldAt)
	}
	return at, true
}

// misses reports whether r is the request of w, which was still there when w
// waited longer than it was due to be told.
func (w Wait) misses(r *request, due time.Duration) bool {
	return w.Asked <= r.createdAt && r.createdAt <= w.Ended && due < w.Ended && (r.gone == 0 || r.goneAt > due)
}

// checkRest reports where the history contradicts itself, and what it leaves of
// what was put after the revision since.
func (j *judge) checkRest(since int64) {
	for _, wrong := range j.fold.wrong {
		j.lacking(Contradiction, "", "", "%s", wrong)
	}
	for key, c := range inOrder(j.fold.there) {
		if c.Revision <= since || !counts(j.Sessions, c.Lease) {
			continue
		}
		lock := ""
		if r := j.fold.byKey[key]; r != nil {
			lock = r.Name
		}
		j.lacking(Left, lock, j.Sessions[c.Lease], "%q is left, put at %s, revision %d, by %s", key, format.Clock(c.At), c.Revision, j.owner(c.Lease))
	}
}
