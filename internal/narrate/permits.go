package narrate

import (
	"strconv"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// permits says how many permits of a semaphore are taken, and what its first waiter waits for.
func permits(l inspect.Lock) []string {
	p := l.Permits()
	var says []string
	if p.Total > 0 {
		says = append(says, strconv.Itoa(p.Taken)+" of "+format.Count(p.Total, "permit is", "permits are")+" taken")
	}
	for i := range l.Queue {
		r := &l.Queue[i]
		if !r.Waiting() {
			continue
		}
		o := r.Owner.Value()
		text := "the first waiter needs " + format.Count(o.Weight, "permit", "permits")
		if p.Total > 0 && o.Permits < p.Total {
			text += ", of " + strconv.Itoa(o.Permits) + " that there are by what it was told"
		}
		return append(says, text+"; those behind it wait for it, whatever they need")
	}
	return says
}

// takes says how a request takes its lock: its mode, or how many permits.
func takes(r inspect.Request) string {
	if r.Mode != keyspace.Slot {
		return r.Mode.String()
	}
	o := r.Owner.Value()
	return share(o.Weight, o.Permits)
}

// share says how many permits of a semaphore a request takes.
func share(weight, permits int) string {
	return strconv.Itoa(weight) + " of " + format.Count(permits, "permit", "permits")
}

// permitsDiffer describes a semaphore whose clients were told different numbers of permits.
func (t Tense) permitsDiffer(f diagnose.Finding) Text {
	few, many := f.Requests[0], f.Requests[1]
	told := func(s *inspect.Session, r *inspect.Request) string {
		return who(s) + t.say(" has", " had") + " it with " + format.Count(r.Owner.Value().Permits, "permit", "permits")
	}
	return Text{
		Headline: "clients of semaphore " + format.Name(few.Lock.Name) + t.say(" do", " did") + " not agree how many permits it " + t.say("has", "had"),
		Clauses: []string{
			told(f.Sessions[0], few), told(f.Sessions[1], many),
			"a request waits until it fits into the smallest number that it or any request ahead of it says",
		},
	}
}
