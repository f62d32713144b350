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
func (t Tense) Finding(f diagnose.Finding) Text {
	switch f.Kind {
	case diagnose.Deadlock:
		return t.deadlock(f)
	case diagnose.NoLease:
		return Text{
			Headline: t.does(f.Sessions[0], *f.Requests[0]) + " without a lease",
			Clauses:  clauses(t.say("if its client is gone, nothing removes it", "if its client was gone, nothing removed it"), t.behind(f), t.alike(f.More)),
		}
	case diagnose.Expiring:
		return expiring(f)
	case diagnose.LeaseMissing:
		return t.leaseMissing(f)
	case diagnose.LeaseOverdue:
		return Text{
			Headline: leaseOf(f.Sessions[0]) + " has been over for " + format.Age(-f.Remaining) + ", and etcd has not revoked it",
			Clauses:  clauses("its end "+releases(f.End.Releases), next(f.End.Grants), t.behind(f)),
		}
	case diagnose.LeaseGone:
		return Text{
			Headline: leaseOf(f.Sessions[0]) + " ended after this snapshot was taken",
			Clauses:  clauses("its end "+releases(f.End.Releases), next(f.End.Grants)),
		}
	case diagnose.LongWait:
		return t.longWait(f)
	case diagnose.LongHold:
		return t.longHold(f)
	case diagnose.MixedLayouts:
		return Text{
			Headline: format.Name(f.Locks[0].Name) + t.say(" is", " was") + " used in layouts " + f.Locks[0].Layout.Name + " and " + f.Locks[1].Layout.Name +
				": the later request " + t.say("does", "did") + " not wait for the earlier one",
			Clauses: []string{t.does(f.Sessions[0], *f.Requests[0]), t.does(f.Sessions[1], *f.Requests[1])},
		}
	case diagnose.PermitsDiffer:
		return t.permitsDiffer(f)
	case diagnose.Modified:
		return t.modified(f)
	case diagnose.SelfWait:
		return t.selfWait(f)
	case diagnose.Lapsed:
		return lapsed(f)
	case diagnose.OtherKey:
		return t.otherKey(f)
	default:
		return t.ofCluster(f)
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

// behind says how many sessions wait behind what a finding is about.
func (t Tense) behind(f diagnose.Finding) string {
	n := f.Behind
	switch r := f.Requests; {
	case n == 0 && len(r) > 0 && r[0].IsRequest() && !r[0].Lock.Layout.Waiters:
		return "whether any client " + t.say("waits", "waited") + " for it is not known"
	case n == 0:
		return "no session " + t.say("waits", "waited") + " behind it"
	}
	return format.Count(n, "session ", "sessions ") + t.say(verb(n, "waits", "wait"), "waited") + " behind it"
}

// alike says that the same is true of more requests, if there are any.
func (t Tense) alike(more int) string {
	if more == 0 {
		return ""
	}
	return "the same " + t.say("is", "was") + " true of " + format.Count(more, "more request", "more requests")
}

func (t Tense) longWait(f diagnose.Finding) Text {
	r := *f.Requests[0]
	var root, more string
	switch {
	case f.Root.Deadlock:
		root = "a deadlock " + t.say("is", "was") + " in the way"
	case f.Root.Entry.Session != nil && !f.Root.Entry.Request.IsRequest():
		root = "the chain " + t.say("ends", "ended") + " at " + f.Root.Entry.Request.Key + ", which is " + f.Root.Entry.Request.AsOther()
	case f.Root.Entry.Session != nil:
		root = "the chain " + t.say("ends", "ended") + " at " + client(f.Root.Entry.Session, f.Root.Entry.Request) + ", which " + t.doing(f.Root.Entry.Request)
	}
	if f.More > 0 {
		more = strconv.Itoa(f.More) + " more waited longer than " + format.Age(f.Threshold)
	}
	held := ", held by " + listOf(f.Holders, func(s *inspect.Session) string { return clientOf(s, r.Lock) })
	if len(f.Holders) == 0 {
		held = ", which no request " + t.say("holds", "held")
	}
	return Text{
		Headline: client(f.Sessions[0], r) + t.say(" has", " had") + " waited " + lasted(f) + " for " + lock(r) + held,
		Clauses:  clauses(timed(f), root, more),
	}
}

func (t Tense) longHold(f diagnose.Finding) Text {
	var more string
	if f.More > 0 {
		more = strconv.Itoa(f.More) + " more held for over " + format.Age(f.Threshold)
		if f.Bound == inspect.AgeAtMost {
			more = strconv.Itoa(f.More) + " more requested over " + format.Age(f.Threshold) + " ago"
		}
	}
	r := *f.Requests[0]
	return Text{
		Headline: client(f.Sessions[0], r) + t.say(" has", " had") + " held " + lock(r) + " for " + lasted(f),
		Clauses:  clauses(timed(f), t.behind(f), more),
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
	r := *f.Requests[0]
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

func (t Tense) modified(f diagnose.Finding) Text {
	r := *f.Requests[0]
	where := "ahead of"
	if r.Holding {
		where = "beside"
	}
	return Text{
		Headline: t.does(f.Sessions[0], r) + " by a key that was written again at revision " + strconv.FormatInt(r.Modified, 10),
		Clauses:  clauses("older clients order requests by the last write, and let others in "+where+" it", t.alike(f.More)),
	}
}

func (t Tense) selfWait(f diagnose.Finding) Text {
	held, wanted := *f.Requests[0], *f.Requests[1]
	headline := t.does(f.Sessions[0], held) + " and " + t.say("waits", "waited") + " for it again, to " + wanted.Mode.String()
	if held.Lock != wanted.Lock {
		headline = t.does(f.Sessions[0], wanted) + " behind its own key " + held.Key
	}
	ends := "permanent unless another thread of that process " + t.say("releases", "released") + " it"
	if !held.IsRequest() { // anybody may have written it, and may delete it
		headline = t.does(f.Sessions[0], wanted) + " behind " + held.Key + ", a key of its own lease"
		ends = t.say("lasts", "lasted") + " as long as that lease, unless that key " + t.say("is", "was") + " deleted"
	}
	return Text{Headline: headline, Clauses: clauses(ends, t.behind(f), t.alike(f.More))}
}

// otherKey describes a key that is no lock request, and is in the way of some.
func (t Tense) otherKey(f diagnose.Finding) Text {
	r := *f.Requests[0]
	names := list(lockNames(f.Locks))
	head := r.Key + t.say(" blocks ", " blocked ") + names
	seems := ": it " + t.say("looks", "looked") + " like a request whose lease was "
	why := "clients of a mutex wait for every older key below its name"
	switch {
	case f.Detached && r.Lease != 0:
		head += seems + "replaced"
		why = "a client that writes the key of a request again with another lease replaces the lease, and the request's client does not notice"
	case f.Detached:
		head += seems + "taken off"
		why = "a client that writes the key of a request again, without its lease, takes the lease off, and the request's client does not notice"
	default:
		head = r.Key + ", which " + t.say("is", "was") + " " + r.AsOther() + ", " + t.say("blocks ", "blocked ") + names
		if f.Locks[0].Layout == layout.RWLock {
			why = "clients of etcd's recipe wait for older keys below the name"
		}
	}
	var again, more string
	if f.Uncertain {
		again = "it was written again at revision " + strconv.FormatInt(r.Modified, 10) + ", so a client of the recipe may " +
			t.say("hold", "have held") + " the lock in spite of it"
	}
	if f.More > 0 {
		more = format.Count(f.More, "more key ", "more keys ") + t.say(verb(f.More, "is", "are"), verb(f.More, "was", "were")) + " in the way"
	}
	return Text{Headline: head, Clauses: clauses(t.removal(f), why, again, t.behind(f), more)}
}

// leaseMissing says that no lease ends a request, though it has the ID of one.
func (t Tense) leaseMissing(f diagnose.Finding) Text {
	on, why := " on a lease that etcd "+t.say("does", "did")+" not have", ": no lease "+t.say("is", "was")+" left that could expire"
	if s := f.Sessions[0]; s.Lease.Of(f.Requests[0].Key).State == inspect.LeaseUnattached {
		on, why = " by a key that "+t.say("is", "was")+" not attached to its lease", ", not even the end of lease "+format.Lease(s.ID.Lease)
	}
	return Text{
		Headline: t.does(f.Sessions[0], *f.Requests[0]) + on,
		Clauses:  clauses("nothing "+t.say("removes", "removed")+" its key"+why, t.behind(f), t.alike(f.More)),
	}
}

// removal says what removes the key of a finding about one that is no lock request.
func (t Tense) removal(f diagnose.Finding) string {
	nothing := ", so nothing " + t.say("removes", "removed") + " it"
	r, state := f.Requests[0], f.Sessions[0].Lease.Of(f.Requests[0].Key).State
	switch {
	case r.LeaseUnknown:
		return "whether it " + t.say("has", "had") + " a lease is not known"
	case r.Lease == 0:
		return "it " + t.say("has", "had") + " no lease" + nothing
	case state == inspect.LeaseMissing:
		return "etcd does not have its lease" + nothing
	case state == inspect.LeaseUnattached:
		return "it " + t.say("is", "was") + " not attached to lease " + format.Lease(r.Lease) + nothing
	case state == inspect.LeaseOverdue:
		return "lease " + format.Lease(r.Lease) + " has been over for " + format.Age(-f.Sessions[0].Lease.Remaining) + ", and etcd has not revoked it"
	default:
		return "it " + t.say("is", "was to be") + " deleted when lease " + format.Lease(r.Lease) + t.say(" ends", " ended")
	}
}

// verb returns the form of a verb for n subjects.
func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
