package state

import (
	"time"

	"etcd-lock/internal/inspect"
)

// Renewals is what look-ups have shown of whether a lease is renewed.
//
// A lease that nobody renews ends at one time, and each look-up says between which
// times that is. So a renewal is proven by a look-up after which the lease must end
// later than an earlier one allows. This holds within a raft term only, since a new
// leader starts all TTLs anew.
type Renewals struct {
	Since   time.Time // of the first look-up, after the last gap in them that may hide a renewal
	Rose    time.Time // when a renewal was last seen; zero: never
	Changed time.Time // when the leader was seen to have changed, since the last renewal; zero: it was not

	term  uint64
	ends  time.Time // the latest time at which the lease can end; zero: not known in this term
	based time.Time // the look-up that says so
	last  time.Time // the last look-up
}

// clockDrift is how much faster than etcd's this clock may run, as a fraction.
const clockDrift = 500

// take notes an answer to a look-up between two times. The term was known before
// that, or is 0: an answer that is the first of a new term may be older than it.
func (r *Renewals) take(l inspect.Lease, asked, answered time.Time, term uint64) {
	if l.State != inspect.LeaseAlive {
		*r = Renewals{}
		return
	}
	earliest := asked.Add(l.Remaining)
	if l.Remaining == 0 { // etcd rounds towards 0
		earliest = earliest.Add(-time.Second)
	}
	latest := answered.Add(l.Remaining).Add(time.Second) // Remaining is rounded down
	slack := max(asked.Sub(r.based), 0) / clockDrift
	switch {
	case r.last.IsZero():
		r.Since = asked
	case l.Term != r.term, r.ends.IsZero():
		if l.Term != r.term {
			r.Changed, r.ends = answered, time.Time{}
		}
		if asked.Sub(r.last) > leaseFresh { // in which it may have been renewed
			r.Since, r.Rose = asked, time.Time{}
		}
	case earliest.After(r.ends.Add(slack)):
		r.Rose, r.Changed, r.ends = answered, time.Time{}, time.Time{}
	}
	r.term, r.last = l.Term, answered
	if l.Term != 0 && l.Term == term && (r.ends.IsZero() || latest.Before(r.ends)) {
		r.ends, r.based = latest, answered
	}
}

// Unseen returns for how long no renewal has been seen.
func (r *Renewals) Unseen(now time.Time) time.Duration {
	since := r.Since
	if r.Rose.After(since) {
		since = r.Rose
	}
	if since.IsZero() {
		return 0
	}
	return max(now.Sub(since), 0)
}

// Overdue reports whether no renewal has been seen for longer than a client lets it
// become: for a third of the TTL, and a renewal shows up to two look-ups late. A
// leader change hides one, so that takes the whole TTL.
func (r *Renewals) Overdue(l inspect.Lease, now time.Time) bool {
	limit := max(l.Granted, 0)
	if r.Changed.IsZero() {
		limit /= 3
	}
	return r.Unseen(now)-leaseFresh > limit
}

// facts returns a lease as of now with what earlier look-ups have shown.
func (r *Renewals) facts(l inspect.Lease, now time.Time) inspect.Lease {
	if l.State != inspect.LeaseAlive {
		return l
	}
	if l.MissedRenewals() || r.Overdue(l, now) {
		l.Unrenewed = r.Unseen(now)
	}
	l.Restarted = !r.Changed.IsZero()
	return l
}
