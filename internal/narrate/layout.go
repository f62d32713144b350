package narrate

import (
	"strconv"
	"time"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
)

// Layout says what its layout leaves open about a lock, a sentence each: whether anybody
// waits for it, by whose clock it is held, and what else its software does. There is
// nothing to say about etcd's own locks.
func Layout(l inspect.Lock, now time.Time) []string {
	rule := l.ID.Layout
	var says []string
	if rule.Kind == layout.Permits {
		says = append(says, permits(l)...)
	}
	for _, r := range l.Queue {
		says = append(says, value(r, now)...)
	}
	if !rule.Waiters {
		says = append(says, unrecorded(rule))
	}
	if len(l.Candidates) > 0 {
		says = append(says, candidates(l.Candidates))
	}
	return append(says, rule.Notes...)
}

// maxCandidates is how many candidates a sentence names.
const maxCandidates = 8

func candidates(names []string) string {
	return "candidates, by their own keys: " + format.Some(names, maxCandidates)
}

func unrecorded(rule *layout.Rule) string {
	text := "clients of layout " + rule.Name + " leave no key while they wait, so how many wait is not known"
	if rule.Polls {
		text += "; each try leaves a lease without keys for a while"
	}
	return text
}

// Polls says that there are leases without keys, granted for as long as that of a lock.
func Polls(n int, all bool, granted time.Duration) string {
	text := format.Count(n, "lease", "leases") + " of " + format.Duration(granted) + " without a key"
	if !all {
		text = "at least " + text
	}
	return "a hint that clients wait, and no count of them: there " + verb(n, "is", "are") + " " + text
}

// value says what the value of a lock's key says about who holds it.
func value(r inspect.Request, now time.Time) []string {
	switch {
	case r.Encrypted:
		return []string{"its value is encrypted, so who holds it cannot be read"}
	case r.Slots != nil && r.Slots.Total > 0:
		return []string{strconv.Itoa(len(r.Slots.Holders)) + " of " + format.Count(r.Slots.Total, "slot is", "slots are") + " taken"}
	case r.Kept():
		return []string{"its key was written again at revision " + strconv.FormatInt(r.Modified, 10) +
			", as clients of layout " + r.Lock.Layout.Name + " do when they end: nobody holds it then, and nobody gets it until the key's lease ends"}
	case r.Vacant():
		return []string{"its key says that nobody holds it"}
	case r.Term != nil && !r.Term.Ends().IsZero():
		return []string{term(*r.Term, now)}
	default:
		return nil
	}
}

// term says until when a record is good.
func term(t layout.Term, now time.Time) string {
	text := "by the holder's clock it was renewed at " + t.Renewed.Format(time.RFC3339) + " for " + format.Duration(t.Duration) +
		", and others may take it from " + t.Ends().Format(time.RFC3339) + " on"
	switch left := t.Ends().Sub(now); {
	case now.IsZero():
		return text
	case left < 0:
		return text + ": " + format.Age(-left) + " ago by this machine's clock"
	default:
		return text + ": in " + format.Duration(left) + " by this machine's clock"
	}
}

// lapsed describes a record whose holder has not renewed it in time. That is not found in
// the past, because a revision has no time.
func lapsed(f diagnose.Finding) Text {
	r := *f.Requests[0]
	return Text{
		Headline: r.Owner.Value().Label + " is named as the holder of " + lock(r) + ", and has not renewed it in time: it lapsed " + format.Age(f.Age) + " ago, and others may take it",
		Clauses:  clauses("by the clocks of that client and of this machine"),
	}
}
