package narrate

import (
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// Request describes a request of a session: who made it and when, and how long
// its lease lasts. A snapshot of the past has no time, so now is zero then.
func Request(s *inspect.Session, r inspect.Request, now time.Time) string {
	text := client(s, r) + " (" + takes(r) + "), " + requested(r, now)
	if r.Lock.Layout.OneKey() {
		text = holderOf(r) + ", by a key that was created at revision " + strconv.FormatInt(r.Revision, 10)
	}
	if lease := leaseLeft(s, r); lease != "" {
		text += ", " + lease
	}
	if r.Caches() {
		text += ", caches the lock between its uses"
	}
	if trace := r.Owner.Value().Trace; keyspace.IsTraceparent(trace) {
		text += ", traceparent " + trace
	}
	return text
}

// holderOf names the holder of a lock that is one key.
func holderOf(r inspect.Request) string {
	switch {
	case r.Kept() && r.Owned:
		return "after " + r.Who() + " ended"
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
	text := o.Key + ", " + o.AsOther()
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
func leaseLeft(s *inspect.Session, r inspect.Request) string {
	if s.ID.Lease == 0 {
		return "no lease"
	}
	var left string
	lease := s.Lease.Of(r.Key)
	switch lease.State {
	case inspect.LeaseAlive:
		left = format.Duration(lease.Remaining) + " of " + format.Duration(lease.Granted) + " left"
	case inspect.LeaseOverdue:
		left = "over for " + format.Duration(-lease.Remaining)
	case inspect.LeaseMissing:
		left = "which etcd does not have"
	case inspect.LeaseUnattached:
		left = "to which its key is not attached"
	}
	switch name := "lease " + format.Lease(s.ID.Lease); {
	case name == client(s, r) && lease.State == inspect.LeaseMissing:
		return "a lease that etcd does not have"
	case name == client(s, r) && lease.State == inspect.LeaseUnattached:
		return "a lease " + left
	case name == client(s, r):
		return left
	case left == "":
		return name
	case lease.State != inspect.LeaseAlive:
		return name + ", " + left
	default:
		return name + " with " + left
	}
}

// Edge says why one session cannot continue before another one does.
func (t Tense) Edge(e diagnose.Edge) string {
	to, from := client(e.To, e.Blocker), client(e.From, e.Waiter)
	waits := from + t.say(" waits for ", " waited for ") + format.Name(e.Waiter.Lock.Name)
	switch {
	case e.Kind == diagnose.EdgeInside:
		return from + t.say(" holds ", " held ") + format.Name(e.Waiter.Lock.Name) + " for the program " + to +
			t.say(", which reports that it runs under it", ", which reported that it ran under it")
	case !e.Blocker.IsRequest():
		return waits + t.say(" until "+e.Blocker.Key+" is deleted, which is", " behind "+e.Blocker.Key+", which was") + " older and " + e.Blocker.AsOther()
	case e.Blocker.Lock != e.Waiter.Lock:
		return waits + t.say(" until "+to+" deletes ", " behind the key of "+to+", ") + e.Blocker.Key + ", by which it " + t.doing(e.Blocker)
	case e.Kind == diagnose.EdgeSoft:
		return waits + " behind " + to + ", which " + t.say("", "had ") + "requested it earlier"
	default:
		return waits + ", held by " + to
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
	held := l.Queue[:holders(l.Queue)]
	says := holdsEnd(d, held[:min(len(held), most)])
	if len(held) == 0 && len(l.Queue) > 0 && l.Queue[0].Waiting() {
		held = l.Blockers(0)
		says = append(says, inTheWay(d, held[:min(len(held), most)])...)
		if more := len(held) + l.MoreOthers - most; more > 0 {
			says = append(says, "so are "+strconv.Itoa(more)+" more")
		}
	}
	granted := d.Snapshot.Preview(inspect.Pointers(held)).Granted
	stuck := waitForThemselves(held, granted)
	if len(stuck) == 0 {
		return append(says, successors(d, l, granted, "then")...)
	}
	ended := map[inspect.SessionID]bool{}
	var gone []*inspect.Request
	for _, r := range stuck {
		if s, ok := d.Session(r.Session()); ok {
			says = append(says, client(s, r)+" waits for "+lock(r)+" behind "+behindItself(held, s.ID))
			ended[s.ID] = true
			gone = append(gone, s.Requests...)
		}
	}
	for i := range held {
		if r := &held[i]; !ended[r.Session()] {
			gone = append(gone, r)
		}
	}
	ends := "when its session ends,"
	if len(stuck) > 1 {
		ends = "when their sessions end,"
	}
	return append(says, successors(d, l, d.Snapshot.Preview(gone).Granted, ends)...)
}

// holders counts the requests at the head of a queue that hold.
func holders(queue []inspect.Request) int {
	n := 0
	for n < len(queue) && queue[n].Holding {
		n++
	}
	return n
}

// holdsEnd says what ends holds, of several alike once.
func holdsEnd(d diagnose.Diagnosis, held []inspect.Request) (says []string) {
	said := map[string]bool{}
	for _, r := range held {
		if k := r.Lock.Layout.Kind; k == layout.Record || k == layout.Semaphore { // it ends by its value
			continue
		}
		s, ok := d.Session(r.Session())
		if !ok {
			continue
		}
		ends := holdEnds(s, r)
		if r.Caches() {
			ends = append([]string{"cached by " + client(s, r) + " between its uses, given back when others ask"}, ends...)
		}
		if text := strings.Join(ends, "\n"); !said[text] {
			said[text] = true
			says = append(says, ends...)
		}
	}
	return says
}

// waitForThemselves returns the first of the granted requests of each session that has
// also one of the held ones.
func waitForThemselves(held, granted []inspect.Request) []inspect.Request {
	if len(granted) == 0 {
		return nil
	}
	holds := map[inspect.SessionID]bool{}
	for i := range held {
		holds[held[i].Session()] = true
	}
	var stuck []inspect.Request
	for _, r := range granted {
		if holds[r.Session()] {
			holds[r.Session()] = false
			stuck = append(stuck, r)
		}
	}
	return stuck
}

// behindItself says what a session waits for that waits for keys of its own lease, and
// what would end that. A key that is no request may be of somebody else, who put it there.
func behindItself(held []inspect.Request, s inspect.SessionID) string {
	for i := range held {
		if r := &held[i]; r.Session() == s && r.IsRequest() {
			return "its own key: it gets that only if another of its threads unlocks first"
		}
	}
	return "a key of its own lease: it gets that only if that key is deleted first"
}

// inTheWay says what ends that keys are in the way of a lock that no request holds.
func inTheWay(d diagnose.Diagnosis, others []inspect.Request) []string {
	says := []string{"no request holds it"}
	for _, o := range others {
		s, ok := d.Session(o.Session())
		switch {
		case o.LeaseUnknown || !ok:
			says = append(says, o.Key+" is in the way until it is deleted")
		case o.Lease == 0 || s.Lease.Of(o.Key).State.Outlived():
			says = append(says, o.Key+" is in the way until it is deleted, since no lease ends it")
		case s.Lease.State == inspect.LeaseOverdue:
			says = append(says, o.Key+" is in the way until etcd revokes lease "+format.Lease(o.Lease)+", which has been over for "+format.Duration(-s.Lease.Remaining))
		default:
			says = append(says, o.Key+" is in the way until it is deleted or lease "+format.Lease(o.Lease)+" ends")
		}
	}
	return says
}

// holdEnds says what ends the hold of a session by a request.
func holdEnds(s *inspect.Session, r inspect.Request) []string {
	client, state := client(s, r), s.Lease.Of(r.Key).State
	switch {
	case s.ID.Lease == 0:
		return []string{client + " holds it until its key is deleted, since no lease ends it"}
	case state == inspect.LeaseMissing:
		return []string{client + " holds it until its key is deleted, since etcd does not have its lease"}
	case state == inspect.LeaseUnattached:
		return []string{client + " holds it until its key is deleted, since the key is not attached to its lease"}
	case state == inspect.LeaseOverdue:
		return []string{client + " holds it until etcd revokes its lease, which has been over for " + format.Duration(-s.Lease.Remaining)}
	case state != inspect.LeaseAlive:
		return []string{client + " holds it until it unlocks or its session ends"}
	case s.MissedRenewals():
		return []string{
			client + " holds it until it unlocks or its lease ends",
			"its lease has not been renewed for " + format.Duration(s.Lease.NotRenewedFor()) +
				"; unless it is renewed now, it ends in about " + format.Duration(s.Lease.Remaining),
		}
	default: // one look does not show whether it is renewed
		return []string{
			client + " holds it until it unlocks or its lease ends",
			"unless it is renewed, its lease ends in about " + format.Duration(s.Lease.Remaining) + "; if its client dies, within " + format.Duration(s.Lease.Granted),
		}
	}
}

// successors says which waiter gets a lock, if one does. When is the beginning of the
// sentence.
func successors(d diagnose.Diagnosis, l inspect.Lock, granted []inspect.Request, when string) []string {
	var own, others []inspect.Request
	for _, r := range granted {
		switch _, ok := d.Session(r.Session()); {
		case !ok:
		case r.Lock == l.ID:
			own = append(own, r)
		default: // it waits for a lock above this one, and for its holders
			others = append(others, r)
		}
	}
	who := func(r inspect.Request) string {
		s, _ := d.Session(r.Session())
		return client(s, r)
	}
	var says []string
	if len(own) > 0 && l.ID.Layout.Kind == layout.Permits {
		says = append(says, "as permits become free, "+who(own[0])+" is the next to get "+takes(own[0]))
	} else if len(own) > 0 {
		text := when + " " + who(own[0]) + " gets it"
		if more := len(own) - 1; more > 0 {
			text += ", along with " + format.Count(more, "other reader", "other readers")
		}
		says = append(says, text)
	}
	if len(others) > 0 {
		says = append(says, when+" "+listOf(others, func(r inspect.Request) string { return who(r) + " gets " + lock(r) }))
	}
	return says
}
