// Package narrate puts findings and remedies into words and command lines, for
// the commands and for the terminal UI. It is the one place that does.
//
// Names in its texts are untrusted input, as in etcd: a caller has to make a text
// printable before it shows it.
package narrate

import (
	"strconv"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
)

// Text is something in words. A one-line view shows the headline, a detailed one
// the clauses too, each on a line of its own.
type Text struct {
	Headline string   // a sentence
	Clauses  []string // more about it, a sentence each
}

// Finding returns a finding in words.
func Finding(f diagnose.Finding) Text {
	switch f.Kind {
	case diagnose.Deadlock:
		return deadlock(f)
	case diagnose.NoLease:
		return Text{
			Headline: does(f.Sessions[0], f.Requests[0]) + " without a lease",
			Clauses:  clauses("if its client is gone, nothing removes it", behind(f.Behind), alike(f.More)),
		}
	case diagnose.Expiring:
		return expiring(f)
	case diagnose.LeaseMissing:
		return Text{
			Headline: does(f.Sessions[0], f.Requests[0]) + " on a lease that etcd does not have",
			Clauses:  clauses("nothing removes its key: no lease is left that could expire", behind(f.Behind), alike(f.More)),
		}
	case diagnose.LeaseOverdue:
		return Text{
			Headline: leaseOf(f.Sessions[0]) + " has been over for " + format.Age(-f.Remaining) + ", and etcd has not revoked it",
			Clauses:  clauses("its end "+releases(f.End.Releases), next(f.End.Grants), behind(f.Behind)),
		}
	case diagnose.LeaseGone:
		return Text{
			Headline: leaseOf(f.Sessions[0]) + " ended after this snapshot was taken",
			Clauses:  clauses("its end "+releases(f.End.Releases), next(f.End.Grants)),
		}
	case diagnose.LongWait:
		return longWait(f)
	case diagnose.LongHold:
		return longHold(f)
	case diagnose.MixedLayouts:
		return Text{
			Headline: format.Name(f.Locks[0].Name) + " is used in layouts " + f.Locks[0].Layout.Name + " and " + f.Locks[1].Layout.Name +
				", whose clients do not wait for each other in this order",
			Clauses:  []string{does(f.Sessions[0], f.Requests[0]), does(f.Sessions[1], f.Requests[1])},
		}
	case diagnose.Modified:
		return modified(f)
	case diagnose.SelfWait:
		return selfWait(f)
	case diagnose.Lapsed:
		return lapsed(f)
	case diagnose.OtherKey:
		return otherKey(f)
	default:
		return Text{Headline: string(f.Kind)}
	}
}

// expiring says for how long a lease has not been renewed. Its client may be dead, or
// healthy and not renew: one look at a lease does not show which.
func expiring(f diagnose.Finding) Text {
	l := f.Sessions[0].Lease
	head, anew := leaseOf(f.Sessions[0])+" has not been renewed for "+format.Age(l.NotRenewedFor())+" and", ""
	if l.Restarted {
		head = "no renewal of " + leaseOf(f.Sessions[0]) + " was seen for " + format.Age(l.NotRenewedFor()) + "; it"
		anew = "the leader changed meanwhile, which started its TTL anew: that is no renewal"
	}
	return Text{
		Headline: head + " ends in about " + format.Age(f.Remaining),
		Clauses: clauses(
			"unless it is renewed, its end "+releases(f.End.Releases), next(f.End.Grants), anew,
			"its client may be dead, or alive and not renew it: some clients, such as those of etcd's lock service, never do",
		),
	}
}

// clauses returns the clauses that say something.
func clauses(all ...string) []string {
	var some []string
	for _, c := range all {
		if c != "" {
			some = append(some, c)
		}
	}
	return some
}

// behind says how many sessions wait behind something.
func behind(n int) string {
	if n == 0 {
		return "no session waits behind it"
	}
	return format.Count(n, "session waits", "sessions wait") + " behind it"
}

// alike says that the same is true of more requests, if there are any.
func alike(more int) string {
	if more == 0 {
		return ""
	}
	return "the same is true of " + format.Count(more, "more request", "more requests")
}

func longWait(f diagnose.Finding) Text {
	r := f.Requests[0]
	holders := make([]string, 0, len(f.Holders))
	for _, s := range f.Holders {
		holders = append(holders, who(s))
	}
	var root, more string
	switch {
	case f.Root.Deadlock:
		root = "a deadlock is in the way"
	case f.Root.Entry.Session != nil && !f.Root.Entry.Request.IsRequest():
		root = "the chain ends at " + f.Root.Entry.Request.Key + ", which is not a lock request"
	case f.Root.Entry.Session != nil:
		root = "the chain ends at " + who(f.Root.Entry.Session) + ", which " + doing(f.Root.Entry.Request)
	}
	if f.More > 0 {
		more = strconv.Itoa(f.More) + " more waited longer than " + format.Age(f.Threshold)
	}
	held := ", held by " + list(holders)
	if len(holders) == 0 {
		held = ", which no request holds"
	}
	return Text{
		Headline: who(f.Sessions[0]) + " has waited " + lasted(f) + " for " + lock(r) + held,
		Clauses:  clauses(timed(f), root, more),
	}
}

func longHold(f diagnose.Finding) Text {
	var more string
	if f.More > 0 {
		more = strconv.Itoa(f.More) + " more held for over " + format.Age(f.Threshold)
		if f.Bound == inspect.AgeAtMost {
			more = strconv.Itoa(f.More) + " more requested over " + format.Age(f.Threshold) + " ago"
		}
	}
	r := f.Requests[0]
	return Text{
		Headline: who(f.Sessions[0]) + " has held " + lock(r) + " for " + lasted(f),
		Clauses:  clauses(timed(f), behind(f.Behind), more),
	}
}

// lasted says how long a request has waited or held.
func lasted(f diagnose.Finding) string {
	switch f.Bound {
	case inspect.AgeAtLeast:
		return "at least " + format.Age(f.Age)
	case inspect.AgeAtMost:
		return "at most " + format.AgeUp(f.Age)
	default:
		return format.Age(f.Age)
	}
}

// timed says by which clock that was measured, and since what.
func timed(f diagnose.Finding) string {
	r := f.Requests[0]
	owners := !r.Owner.Time.IsZero()
	switch {
	case f.Bound == inspect.AgeAtLeast:
		return "since this program began to watch; it began before that"
	case f.Bound == inspect.AgeAtMost && owners:
		return "granted at some time since its request, which the client timed by its own clock"
	case f.Bound == inspect.AgeAtMost:
		return "granted at some time since this program first saw the request"
	case r.Holding:
		return "timed since this program saw it granted"
	case owners:
		return "timed by the client's own clock"
	default:
		return "timed since this program first saw the request"
	}
}

func modified(f diagnose.Finding) Text {
	r := f.Requests[0]
	where := "ahead of"
	if r.Holding {
		where = "beside"
	}
	return Text{
		Headline: does(f.Sessions[0], r) + " by a key that was written again at revision " + strconv.FormatInt(r.Modified, 10),
		Clauses:  clauses("older clients order requests by the last write, and let others in "+where+" it", alike(f.More)),
	}
}

func selfWait(f diagnose.Finding) Text {
	held, wanted := f.Requests[0], f.Requests[1]
	headline := does(f.Sessions[0], held) + " and waits for it again, to " + wanted.Mode.String()
	if held.Lock != wanted.Lock {
		headline = does(f.Sessions[0], wanted) + " behind its own key " + held.Key
	}
	return Text{
		Headline: headline,
		Clauses: clauses("permanent unless another thread of that process releases it",
			behind(f.Behind), alike(f.More)),
	}
}

// otherKey describes a key that is no lock request, and is in the way of some.
func otherKey(f diagnose.Finding) Text {
	r := f.Requests[0]
	names := list(lockNames(f.Locks))
	t := Text{Headline: r.Key + ", which is not a lock request, blocks " + names}
	why := "clients of a mutex wait for every older key below its name"
	switch {
	case f.Detached && r.Lease != 0:
		t.Headline = r.Key + " blocks " + names + ": it looks like a request whose lease was replaced"
		why = "a client that writes the key of a request again with another lease replaces the lease, and the request's client does not notice"
	case f.Detached:
		t.Headline = r.Key + " blocks " + names + ": it looks like a request whose lease was taken off"
		why = "a client that writes the key of a request again, without its lease, takes the lease off, and the request's client does not notice"
	case f.Locks[0].Layout == layout.RWLock:
		why = "clients of etcd's recipe wait for older keys below the name"
	}
	var end string
	switch {
	case r.LeaseUnknown:
		end = "whether it has a lease is not known"
	case r.Lease == 0:
		end = "it has no lease, so nothing removes it"
	case f.Sessions[0].Lease.State == inspect.LeaseMissing:
		end = "etcd does not have its lease, so nothing removes it"
	default:
		end = "it is deleted when lease " + format.Lease(r.Lease) + " ends"
	}
	var again string
	if f.Uncertain {
		again = "it was written again at revision " + strconv.FormatInt(r.Modified, 10) + ", so a client of the recipe may hold the lock in spite of it"
	}
	var more string
	if f.More > 0 {
		more = format.Count(f.More, "more key is", "more keys are") + " in the way"
	}
	t.Clauses = clauses(end, why, again, behind(f.Behind), more)
	return t
}
