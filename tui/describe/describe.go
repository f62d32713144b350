// Package describe says everything that is known of a lock, a request, a session or a
// finding, as plain text to read in full and to copy.
package describe

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/narrate"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/term"
)

// most bounds how many requests or keys of one lock or session are described.
const most = 100

// fieldWidth is the width of the names of fields.
const fieldWidth = 10

// Field is a line with a name and a value. It is nothing where there is no value.
func Field(name, value string) []string {
	if value == "" {
		return nil
	}
	return []string{term.Pad(name, max(fieldWidth, term.Width(name)), false) + " " + term.Safe(value)}
}

// Lock describes a lock: its state, its findings, its queue, and how to look at it.
func Lock(c *nav.Context, id inspect.LockID) []string {
	l, there := c.Shown().Find(id)
	lines := append(Field("lock", format.Name(id.Name)), Field("layout", id.Layout.String())...)
	if !there {
		lines = append(lines, Field("state", "free: it has no requests")...)
		return append(lines, looks(c, id)...)
	}
	count := l.Count()
	lines = append(lines, Field("state", string(l.StateAt(c.Clock())))...)
	lines = append(lines, Field("holding", format.Count(count.Readers, "reader", "readers")+", "+format.Count(count.Writers, "writer", "writers"))...)
	lines = append(lines, Field("waiting", format.Waiters(count.Waiters, id.Layout.Waiters))...)
	lines = append(lines, Field("class", c.Classes.Of(id.Name))...)
	lines = append(lines, Field("candidates", strings.Join(l.Candidates, ", "))...)
	lines = append(lines, Field("revision", strconv.FormatInt(c.Shown().Revision, 10))...)
	v := &c.Shown().Verdict
	for _, i := range v.ByLock[id] {
		lines = append(append(lines, ""), Finding(c, &v.Findings[i])...)
	}
	for _, text := range narrate.Layout(l, c.Clock()) {
		lines = append(lines, "", term.Safe(text))
	}
	lines = append(lines, looks(c, id)...)
	lines = append(lines, each(c, "in the way", l.Others, l.MoreOthers)...)
	return append(lines, each(c, "queue", l.Queue, 0)...)
}

// looks are the commands that show a lock.
func looks(c *nav.Context, id inspect.LockID) []string {
	lines := []string{"", "$ " + c.Flags.Line("show", id.Name), "$ " + c.Flags.Line("why", id.Name)}
	if !strings.Contains(id.Name, "\x00") {
		lines = append(lines, "$ "+c.Flags.EtcdctlLine("get", "--prefix", "--", id.Name))
	}
	return lines
}

// each describes requests one after the other, the first ones of many.
func each(c *nav.Context, title string, requests []inspect.Request, more int) (lines []string) {
	for i, r := range requests[:min(len(requests), most)] {
		lines = append(lines, "", title+" #"+strconv.Itoa(i+1))
		for _, l := range Request(c, r) {
			lines = append(lines, "  "+l)
		}
	}
	if more += len(requests) - min(len(requests), most); more > 0 {
		lines = append(lines, "", "and "+strconv.Itoa(more)+" more")
	}
	return lines
}

// Request describes a request, or another key that is in the way of requests.
func Request(c *nav.Context, r inspect.Request) []string {
	var lines []string
	if r.IsRequest() {
		lines = append(Field("lock", format.Name(r.Lock.Name)), Field("layout", r.Lock.Layout.String())...)
		lines = append(lines, Field("state", r.StandingAt(c.Clock()))...)
		lines = append(lines, Field("mode", r.Mode.String())...)
		lines = append(lines, Field("token", strconv.FormatInt(r.Revision, 10))...)
	} else {
		lines = append(Field("state", r.AsOther()+": it is in the way"), Field("created", "at revision "+strconv.FormatInt(r.Revision, 10))...)
	}
	if c.IsOwn(r) {
		lines = append(lines, Field("yours", "requested from here")...)
	}
	lines = append(lines, Field("key", r.Key)...)
	if !term.IsPlain(r.Key) {
		lines = append(lines, Field("key in hex", hex.EncodeToString([]byte(r.Key)))...)
	}
	if r.Modified > r.Revision {
		lines = append(lines, Field("written", "again at revision "+strconv.FormatInt(r.Modified, 10))...)
	}
	lines = append(lines, owner(r)...)
	lines = append(lines, times(c, r)...)
	return append(lines, lease(c, r)...)
}

// owner is what a client wrote into its request.
func owner(r inspect.Request) []string {
	if !r.Owned {
		return Field("owner", "unknown: its client wrote none")
	}
	o := r.Owner.Value()
	lines := append(Field("label", o.Label), Field("program", o.Program)...)
	lines = append(lines, Field("host", o.Host)...)
	if o.PID != 0 {
		lines = append(lines, Field("process", strconv.Itoa(o.PID))...)
	}
	lines = append(lines, Field("under", o.Under)...)
	if o.Keep {
		lines = append(lines, Field("keeps", "it may keep the lock until another request waits")...)
	}
	if o.Upgrade {
		lines = append(lines, Field("upgrade", "of its own hold for reading")...)
	}
	return lines
}

// times are when a request was made, and for how long it has held or waited.
func times(c *nav.Context, r inspect.Request) []string {
	var lines []string
	if r.Owned && !r.Owner.Time.IsZero() {
		lines = append(lines, Field("made", r.Owner.Time.Format(time.RFC3339)+" by its client's clock")...)
	}
	if words := r.Start().Words(c.Clock()); words != "" {
		lines = append(lines, Field(map[bool]string{true: "has held", false: "has waited"}[r.Holding], words)...)
	}
	return lines
}

// lease is what is known of the lease of a request.
func lease(c *nav.Context, r inspect.Request) []string {
	id := r.Lease
	switch {
	case r.LeaseUnknown:
		return Field("lease", "not read")
	case id == 0:
		return Field("lease", "none")
	}
	lines := Field("lease", format.Lease(id)+", in decimal "+strconv.FormatInt(id, 10))
	f, left, known := c.LeaseOf(r)
	if f.State == inspect.LeaseUnattached {
		return append(lines, Field("TTL", "the key is not attached to the lease, so nothing removes it")...)
	}
	if known {
		text := format.Age(left) + " left"
		if left < 0 {
			text = "it has ended"
		}
		if f.Granted > 0 {
			text += ", granted " + format.Age(f.Granted)
		}
		lines = append(lines, Field("TTL", text)...)
	}
	return append(lines, Field("renewals", Renewals(c, id))...)
}

// Session describes a session: its client, its lease and its requests.
func Session(c *nav.Context, id inspect.SessionID) []string {
	lines := Field("session", id.String())
	v := &c.Shown().Verdict
	s, there := v.Session(id)
	if !there || s == nil {
		return append(lines, Field("state", "it has ended, or has no requests left")...)
	}
	lines = append(lines, Field("client", s.Who())...)
	lines = append(lines, lease(c, inspect.Request{Lease: id.Lease})...)
	lines = append(lines, Field("holds", format.Count(len(s.Holds()), "lock", "locks"))...)
	lines = append(lines, Field("waits for", format.Count(len(s.Waits()), "lock", "locks"))...)
	if id.Lease != 0 {
		lines = append(lines, "", "$ "+c.Flags.EtcdctlLine(append([]string{"lease", "timetolive", "--keys"}, narrate.LeaseArgs(id.Lease)...)...))
	}
	return append(lines, each(c, "request", inspect.Values(s.Requests), 0)...)
}

// Finding describes a finding: its words, its locks, its sessions, and what helps.
func Finding(c *nav.Context, f *diagnose.Finding) []string {
	words := narrate.TenseOf(c.InPast()).With(c.Flags).Finding(f.AsOf(c.Clock()))
	lines := append(Field("finding", string(f.Kind)+", "+f.Severity.String()), term.Safe(words.Headline))
	for _, clause := range words.Clauses {
		lines = append(lines, "  "+term.Safe(clause))
	}
	for _, id := range f.Locks {
		lines = append(lines, Field("lock", format.Name(id.Name))...)
	}
	for _, s := range f.Sessions {
		lines = append(lines, Field("session", s.Named("  "))...)
	}
	for _, r := range f.Remedies {
		remedy := narrate.Remedy(c.Flags, r)
		lines = append(lines, "", "$ "+narrate.CommandLine(c.Flags, r))
		if args := narrate.Etcdctl(r.Target); args != nil && r.Command == "" {
			lines = append(lines, "$ "+c.Flags.EtcdctlLine(args...))
		}
		for _, text := range append([]string{remedy.Headline}, remedy.Clauses...) {
			lines = append(lines, "  "+term.Safe(text))
		}
	}
	return lines
}

// Renewals says in a sentence what look-ups have shown of a lease's renewals;
// it is empty when that is nothing.
func Renewals(c *nav.Context, lease int64) string {
	f, r := c.Lease(lease), c.Renewals(lease)
	if lease == 0 || c.InPast() || f.State != inspect.LeaseAlive {
		return ""
	}
	leader := ""
	if f.Restarted {
		leader = "; the leader changed meanwhile, which started its TTL anew"
	}
	switch {
	case f.MissedRenewals():
		return "its lease has not been renewed for " + format.Age(f.NotRenewedFor()) + leader
	case r.Rose.IsZero():
		return "no renewal of its lease was seen so far: none was due, or it is too early to tell" + leader
	default:
		return "a renewal of its lease was last seen " + format.Since(r.Rose, c.Clock()) + " ago" + leader
	}
}
