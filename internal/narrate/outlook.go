package narrate

import (
	"strconv"
	"time"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
)

// Request describes a request of a session: who made it and when, and how long
// its lease lasts. A snapshot of the past has no time, so now is zero then.
func Request(s *inspect.Session, r inspect.Request, now time.Time) string {
	text := who(s) + " (" + r.Mode.String() + "), " + requested(r, now)
	if r.Lock.Layout.OneKey() {
		text = holderOf(r) + ", by a key that was created at revision " + strconv.FormatInt(r.Revision, 10)
	}
	if lease := leaseLeft(s); lease != "" {
		text += ", " + lease
	}
	return text
}

// holderOf names the holder of a lock that is one key.
func holderOf(r inspect.Request) string {
	switch {
	case r.Vacant():
		return "nobody"
	case !r.Owned:
		return "an unknown client"
	default:
		return r.Who()
	}
}

// Other describes a key that is in the way of requests, and not in their queue.
func Other(o inspect.Request) string {
	text := o.Key + ", not a lock request"
	if o.IsRequest() {
		text = o.Key + ", a request of " + o.Who() + " for " + lock(o)
	}
	switch {
	case o.IsRequest() && !o.Owned: // named by the lease
		return text
	case o.LeaseUnknown:
		return text
	case o.Lease == 0:
		return text + ", no lease"
	default:
		return text + ", lease " + format.Lease(o.Lease)
	}
}

func requested(r inspect.Request, now time.Time) string {
	switch {
	case !r.Owned || r.Owner.Time.IsZero():
		return "requested at revision " + strconv.FormatInt(r.Revision, 10) + " (no time was recorded)"
	case now.IsZero():
		return "requested at " + r.Since.Format(time.RFC3339) + " by its own clock"
	default:
		return "requested " + format.Duration(now.Sub(r.Since)) + " ago by its own clock"
	}
}

// leaseLeft names the lease of a session, unless that is the session's name, and
// says how long it lasts, if that is known.
func leaseLeft(s *inspect.Session) string {
	if s.ID.Lease == 0 {
		return "no lease"
	}
	var left string
	switch s.Lease.State {
	case inspect.LeaseAlive:
		left = format.Duration(s.Lease.Remaining) + " of " + format.Duration(s.Lease.Granted) + " left"
	case inspect.LeaseOverdue:
		return "lease " + format.Lease(s.ID.Lease) + ", over for " + format.Duration(-s.Lease.Remaining)
	case inspect.LeaseMissing:
		return "lease " + format.Lease(s.ID.Lease) + ", which etcd does not have"
	}
	switch name := "lease " + format.Lease(s.ID.Lease); {
	case name == who(s):
		return left
	case left == "":
		return name
	default:
		return name + " with " + left
	}
}

// Edge says why one session cannot continue before another one does.
func Edge(e diagnose.Edge) string {
	from, to, name := who(e.From), who(e.To), format.Name(e.Waiter.Lock.Name)
	switch {
	case e.Kind == diagnose.EdgeInside:
		return from + " holds " + name + " for the program " + to + ", which reports that it runs under it"
	case !e.Blocker.IsRequest():
		return from + " waits for " + name + " until " + e.Blocker.Key + " is deleted, which is older and not a lock request"
	case e.Blocker.Lock != e.Waiter.Lock:
		return from + " waits for " + name + " until " + to + " deletes " + e.Blocker.Key + ", by which it " + doing(e.Blocker)
	case e.Kind == diagnose.EdgeSoft:
		return from + " waits for " + name + " behind " + to + ", which requested it earlier"
	default:
		return from + " waits for " + name + ", held by " + to
	}
}

// Outlook says what becomes of a lock if nobody intervenes, a sentence each: what
// ends its holds, at most so many of them, and who gets the lock then. Findings
// are those that concern the lock.
func Outlook(d diagnose.Diagnosis, l inspect.Lock, findings []diagnose.Finding, most int) []string {
	for _, f := range findings {
		if f.Kind == diagnose.Deadlock {
			return []string{"nothing: the sessions wait for each other until one gives up or its session ends"}
		}
	}
	var held []inspect.Request
	var says []string
	for _, r := range l.Queue {
		if !r.Holding {
			break
		}
		held = append(held, r)
		if k := r.Lock.Layout.Kind; k == layout.Record || k == layout.Semaphore { // it ends by its value
			continue
		}
		if s, ok := d.Session(r.Session()); ok && len(held) <= most {
			says = append(says, holdEnds(s)...)
		}
	}
	if len(held) == 0 && len(l.Queue) > 0 && l.Queue[0].Waiting() {
		held = l.Blockers(0)
		says = append(says, inTheWay(d, held[:min(len(held), most)])...)
		if more := len(held) + l.MoreOthers - most; more > 0 {
			says = append(says, "so are "+strconv.Itoa(more)+" more")
		}
	}
	return append(says, successors(d, l, d.Snapshot.Preview(held).Granted)...)
}

// inTheWay says what ends that keys are in the way of a lock that no request holds.
func inTheWay(d diagnose.Diagnosis, others []inspect.Request) []string {
	says := []string{"no request holds it"}
	for _, o := range others {
		s, ok := d.Session(o.Session())
		switch {
		case o.LeaseUnknown || !ok:
			says = append(says, o.Key+" is in the way until it is deleted")
		case o.Lease == 0 || s.Lease.State == inspect.LeaseMissing:
			says = append(says, o.Key+" is in the way until it is deleted, since no lease ends it")
		default:
			says = append(says, o.Key+" is in the way until it is deleted or lease "+format.Lease(o.Lease)+" ends")
		}
	}
	return says
}

// holdEnds says what ends the hold of a session.
func holdEnds(s *inspect.Session) []string {
	switch {
	case s.ID.Lease == 0:
		return []string{who(s) + " holds it until its key is deleted, since no lease ends it"}
	case s.Lease.State == inspect.LeaseMissing:
		return []string{who(s) + " holds it until its key is deleted, since etcd does not have its lease"}
	case s.Lease.State == inspect.LeaseOverdue:
		return []string{who(s) + " holds it until etcd revokes its lease, which has been over for " + format.Duration(-s.Lease.Remaining)}
	case s.Lease.State != inspect.LeaseAlive:
		return []string{who(s) + " holds it until it unlocks or its session ends"}
	case s.MissedRenewals():
		return []string{who(s) + " holds it until it unlocks or its lease ends: that has not been renewed for " +
			format.Duration(s.Lease.NotRenewedFor()) + ", and ends in about " + format.Duration(s.Lease.Remaining) + " unless it is"}
	default: // one look does not show whether it is renewed
		return []string{
			who(s) + " holds it until it unlocks or its lease ends",
			"unless it is renewed, its lease ends in about " + format.Duration(s.Lease.Remaining) + "; if its client dies, within " + format.Duration(s.Lease.Granted),
		}
	}
}

// successors says which waiter gets a lock, if one does.
func successors(d diagnose.Diagnosis, l inspect.Lock, granted []inspect.Request) []string {
	var own, others []string
	for _, r := range granted {
		s, ok := d.Session(r.Session())
		switch {
		case !ok:
		case r.Lock == l.ID:
			own = append(own, who(s))
		default: // it waits for a lock above this one, and for its holders
			others = append(others, who(s)+" gets "+lock(r))
		}
	}
	var says []string
	if len(own) > 0 {
		text := "then " + own[0] + " gets it"
		if more := len(own) - 1; more > 0 {
			text += ", along with " + format.Count(more, "other reader", "other readers")
		}
		says = append(says, text)
	}
	if len(others) > 0 {
		says = append(says, "then "+list(others))
	}
	return says
}
