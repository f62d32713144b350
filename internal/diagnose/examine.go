package inspect

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"etcd-lock/internal/keyspace"
)

// lease finds what is wrong with the lease of a session.
func (e *examiner) lease(v int32) {
	s := &e.sessions[v]
	f := Finding{Sessions: []SessionID{s.ID}, Requests: s.Requests}
	switch {
	case s.Lease.State == LeaseGone:
		f.Kind, f.Severity = FindingLeaseGone, Notice
		f.Text = e.names[v] + " is gone: the lease ended just now"
	case s.MissedRenewals():
		f.Kind, f.Severity = FindingExpiring, Warning
		f.Text = e.names[v] + " has missed renewals: the lease ends in about " + duration(s.Lease.Remaining)
		f.Due = e.now.Add(s.Lease.Remaining)
		f.Remedies = []Remedy{e.end(s)}
	default:
		return
	}
	named := map[LockID]bool{}
	for _, r := range s.Requests {
		if !named[r.Lock] {
			named[r.Lock] = true
			f.Locks = append(f.Locks, r.Lock)
		}
	}
	f.Text += ", which " + e.effects(e.snapshot.without(s.Requests))
	f.Behind = e.behind(v)
	e.findings = append(e.findings, f)
}

// lock finds what is wrong with a lock: of each kind one finding, about the
// worst request.
func (e *examiner) lock(i int) {
	var holders, longHolds, longWaits, leaseless, modified, selfWaits []int32
	for n := e.queues[i]; n < e.queues[i+1]; n++ {
		r := e.request(n)
		if r.Holding {
			holders = append(holders, n)
		}
		if r.Holding && e.longer(r, e.limits.Hold) {
			longHolds = append(longHolds, n)
		}
		if !r.Holding && e.longer(r, e.limits.Wait) {
			longWaits = append(longWaits, n)
		}
		if r.Lease == 0 {
			leaseless = append(leaseless, n)
		}
		// Elections write their keys again, and the clients of mutexes do not mind.
		if r.Modified > r.Revision && r.Lock.Layout == keyspace.RWLock {
			modified = append(modified, n)
		}
		if !r.Holding && e.again(n) && e.nodes[e.nodes[n].first].holding {
			selfWaits = append(selfWaits, n)
		}
	}
	e.noLease(leaseless)
	e.longWait(longWaits, holders)
	e.longHold(longHolds)
	e.mixedLayouts(i)
	e.modified(modified)
	e.selfWait(selfWaits)
}

// longer reports whether a request was made longer ago than limit.
func (e *examiner) longer(r *Request, limit time.Duration) bool {
	return !r.Since.IsZero() && e.now.Sub(r.Since) > limit
}

// about is a finding about one request, to be completed.
func (e *examiner) about(n int32, kind FindingKind, severity Severity) Finding {
	r := *e.request(n)
	return Finding{
		Kind: kind, Severity: severity,
		Locks: []LockID{r.Lock}, Sessions: []SessionID{r.Session()}, Requests: []Request{r},
		Behind: e.behindRequest(n),
	}
}

// does says who holds a lock or waits for it.
func (e *examiner) does(r Request) string { return e.who(r) + " " + doing(r) }

func doing(r Request) string {
	if r.Holding {
		return "holds " + claim(r)
	}
	return "waits for " + claim(r)
}

// more counts the requests that a finding does not name.
func more(n int, what string) string {
	if n <= 1 {
		return ""
	}
	return "; " + strconv.Itoa(n-1) + " more " + what
}

func (e *examiner) noLease(found []int32) {
	if len(found) == 0 {
		return
	}
	f := e.about(found[0], FindingNoLease, Warning)
	if f.Behind > 0 {
		f.Severity = Critical
	}
	f.Text = e.does(f.Requests[0]) + " without a lease: if its client is gone, nothing ever removes it; " +
		behindText(f.Behind) + more(len(found), "likewise")
	f.Remedies = []Remedy{e.remove(f.Requests[0])}
	e.findings = append(e.findings, f)
}

func (e *examiner) longWait(found, holders []int32) {
	if len(found) == 0 {
		return
	}
	n := e.oldest(found)
	f := e.about(n, FindingLongWait, Warning)
	r := f.Requests[0]
	f.Text = fmt.Sprintf("%s has waited %s for %s, %s", e.who(r), duration(e.now.Sub(r.Since)), claim(r), clockText(r)) +
		e.holdup(n, holders) + more(len(found), "for longer than "+duration(e.limits.Wait))
	f.Remedies = e.cures(holders)
	e.findings = append(e.findings, f)
}

// holdup says what keeps a request waiting, in the first place and in the end.
func (e *examiner) holdup(n int32, holders []int32) string {
	var names []string
	for _, h := range holders {
		names = append(names, e.who(*e.request(h)))
	}
	text := "; " + list(names) + " hold"
	if len(names) == 1 {
		text += "s"
	}
	text += " it"
	c := e.culprits[e.nodes[n].session]
	held := slices.ContainsFunc(holders, func(h int32) bool { return e.nodes[h].session == c.session })
	switch {
	case e.stuck[c.session] >= 0:
		return text + "; a deadlock is in the way"
	case held || c.session == e.nodes[n].session:
		return text
	default:
		return text + "; in the end all wait for " + e.who(*e.request(c.arc.blocker)) + ", which " + doing(*e.request(c.arc.blocker))
	}
}

func (e *examiner) longHold(found []int32) {
	if len(found) == 0 {
		return
	}
	n := e.oldest(found)
	f := e.about(n, FindingLongHold, Notice)
	r := f.Requests[0]
	f.Text = fmt.Sprintf("%s and asked for it %s ago, %s; ", e.does(r), duration(e.now.Sub(r.Since)), clockText(r)) +
		behindText(f.Behind) + more(len(found), "asked over "+duration(e.limits.Hold)+" ago")
	if f.Behind > 0 {
		f.Severity = Warning
		f.Remedies = e.cure(e.nodes[n].session)
	}
	e.findings = append(e.findings, f)
}

func (e *examiner) mixedLayouts(i int) {
	if i == 0 || e.locks[i-1].ID.Name != e.locks[i].ID.Name {
		return
	}
	f := Finding{Kind: FindingMixedLayouts, Severity: Warning}
	var names []string
	for _, l := range e.locks[i-1 : i+1] {
		r := l.Queue[0]
		f.Locks = append(f.Locks, l.ID)
		f.Sessions = append(f.Sessions, r.Session())
		f.Requests = append(f.Requests, r)
		names = append(names, e.does(r))
	}
	f.Text = e.locks[i].ID.Name + " is a mutex to some and a read/write lock to others, who do not exclude each other: " + list(names)
	e.findings = append(e.findings, f)
}

func (e *examiner) modified(found []int32) {
	if len(found) == 0 {
		return
	}
	f := e.about(found[0], FindingModified, Warning)
	r := f.Requests[0]
	where := "before"
	if r.Holding {
		where = "beside"
	}
	if lock := e.locks[e.nodes[found[0]].lock]; r.Holding && len(lock.Queue) > 1 {
		f.Severity = Critical
	}
	f.Text = fmt.Sprintf("%s by a key that was written again at revision %d: older clients go by the last write and let others in %s it",
		e.does(r), r.Modified, where) + more(len(found), "likewise")
	f.Remedies = []Remedy{e.remove(r)}
	e.findings = append(e.findings, f)
}

func (e *examiner) selfWait(found []int32) {
	if len(found) == 0 {
		return
	}
	n := found[0]
	held, wanted := *e.request(e.nodes[n].first), *e.request(n)
	f := e.about(e.nodes[n].first, FindingSelfWait, Warning)
	if !wanted.Since.IsZero() && !e.longer(&wanted, e.limits.Wait) {
		f.Severity = Notice // with several jobs at once, this is how it looks all the time
	}
	f.Requests = append(f.Requests, wanted)
	f.Text = e.does(held) + " and waits for it again, to " + wanted.Mode.String() +
		": for ever, unless another job of that process unlocks it; " +
		behindText(f.Behind) + more(len(found), "likewise")
	f.Remedies = []Remedy{e.end(e.session(held)), e.remove(wanted)}
	e.findings = append(e.findings, f)
}

// oldest is the request that was made first, by the clocks of their clients.
func (e *examiner) oldest(nodes []int32) int32 {
	return slices.MinFunc(nodes, func(a, b int32) int {
		return cmp.Or(e.request(a).Since.Compare(e.request(b).Since), cmp.Compare(a, b))
	})
}
