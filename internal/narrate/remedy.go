package narrate

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/printable"
)

// Remedy returns a remedy in words: what it does, releases and grants, and what
// to know before it is applied. Commands in it have these flags.
func Remedy(to cmdline.Flags, r diagnose.Remedy) Text {
	if r.Look != nil {
		rule := r.Look.Lock.Layout
		return Text{Headline: "look first: its own software says who holds " + lock(*r.Look), Clauses: rule.Release.Dead}
	}
	does := releases(r.Releases)
	if len(r.Releases) == 1 && !r.Releases[0].IsRequest() {
		does = "takes it out of the way"
	}
	t := Text{Headline: deletes(r) + ": " + does}
	if r.Command != "" {
		t.Headline = "its own software releases it: " + does
	}
	if r.IfDead {
		t.Headline = Condition + ", " + t.Headline
	}
	if grants := next(r.Grants); grants != "" {
		t.Headline += ", " + grants
	}
	if len(r.Grants) == 0 && slices.ContainsFunc(r.Releases, func(r *inspect.Request) bool { return r.IsRequest() && !r.Lock.Layout.Waiters }) {
		t.Clauses = append(t.Clauses, "who gets it next is not known: clients that wait leave no key")
	}
	if r.Refused {
		t.Clauses = append(t.Clauses, "etcd refuses this while it has the alarm CORRUPT")
	}
	if len(r.Others) > 0 {
		t.Clauses = append(t.Clauses, "this also deletes "+format.Count(len(r.Others), "other key", "other keys")+" of the session: "+list(r.Others))
	}
	for _, e := range r.Unlocks {
		t.Clauses = append(t.Clauses, "when that makes it exit, "+client(e.Session, e.Request)+" unlocks "+lock(e.Request))
	}
	if r.Unprotected != nil {
		t.Clauses = append(t.Clauses, who(r.Unprotected)+" may continue without the lock it runs under")
	}
	if ask := askFirst(to, r); ask != "" {
		t.Clauses = append(t.Clauses, ask)
	}
	return t
}

// askFirst says how to ask for what a remedy releases, if its client may listen: one of
// package rwlock that does not wait for anything itself.
func askFirst(to cmdline.Flags, r diagnose.Remedy) string {
	if r.Command != "" || r.Refused || r.Session == nil || r.Session.Lease.State.Outlived() || len(r.Unlocks) > 0 || r.Unprotected != nil {
		return ""
	}
	var held *inspect.Request
	for _, one := range r.Releases {
		if !one.IsRequest() || !one.Holding {
			return ""
		}
		if held == nil && one.Owned && one.Modified <= one.Revision && (one.Lock.Layout == layout.RWLock || one.Lock.Layout == layout.Semaphores) && utf8.ValidString(one.Lock.Name) && sayable(one.Lock.Name) {
			held = one
		}
	}
	if held == nil {
		return ""
	}
	args := []string{"ask", held.Lock.Name}
	if strings.HasPrefix(held.Lock.Name, "-") {
		args = slices.Insert(args, 1, "--")
	}
	command := to.Line(args...)
	if held.Caches() {
		return "without force: " + command + ", and its holder, which caches it, gives it back"
	}
	if held.Lock.Layout == layout.Semaphores {
		return "without force: " + command + " asks all who hold its permits to give them back, in case they listen"
	}
	return "without force: " + command + " asks its holder to give it back, in case it listens"
}

// targetClient names the client of the request that a remedy deletes.
func targetClient(r diagnose.Remedy) string {
	for _, own := range r.Session.Requests {
		if own.Key == r.Target.Key {
			return client(r.Session, *own)
		}
	}
	return who(r.Session)
}

// Condition is the condition of a remedy that is one only then.
const Condition = "if its client is dead"

// deletes says what a remedy deletes.
func deletes(r diagnose.Remedy) string {
	if r.Target.Lease != 0 {
		return "end the session of " + who(r.Session)
	}
	text := "delete " + r.Target.Key
	if _, owned := r.Session.Owner(); owned || r.Session.ID.Lease != 0 {
		text += " of " + targetClient(r)
	}
	return text
}

// CommandLine returns the command line that applies a remedy, for shells, with these flags
// unless it is one of other software.
func CommandLine(to cmdline.Flags, r diagnose.Remedy) string {
	if r.Command != "" {
		return printable.Text(r.Command)
	}
	return to.Line(Command(r.Target)...)
}

// Command returns the command of etcd-lock that applies a remedy to its target, without
// what connects it to an etcd.
func Command(t diagnose.Target) []string {
	if t.Lease != 0 {
		return []string{"release", "--lease", format.Lease(t.Lease)}
	}
	return append([]string{"release"}, RequestFlag(t.Key)...)
}

// RequestFlag returns the flag of release that selects a request by its key. A key that
// no argument or no JSON can say is in base64.
func RequestFlag(key string) []string {
	if !utf8.ValidString(key) || !sayable(key) {
		return []string{"--request-base64", base64.StdEncoding.EncodeToString([]byte(key))}
	}
	return []string{"--request", key}
}

// sayable reports whether a key can be an argument of a program: no argument has a NUL,
// and shells silently end it there, which makes it another key.
func sayable(key string) bool { return !strings.Contains(key, "\x00") }

// LeaseArgs returns the last arguments of a command of etcdctl about a lease.
func LeaseArgs(id int64) []string {
	if id < 0 { // etcdctl reads it with a sign only
		return []string{"--", strconv.FormatInt(id, 16)}
	}
	return []string{format.Lease(id)}
}

// Etcdctl returns the command of etcdctl that has the same effect as Command,
// without its checks. It returns nil if no argument can say the key.
func Etcdctl(t diagnose.Target) []string {
	switch {
	case t.Lease != 0:
		return append([]string{"lease", "revoke"}, LeaseArgs(t.Lease)...)
	case !sayable(t.Key):
		return nil
	case strings.HasPrefix(t.Key, "-"):
		return []string{"del", "--", t.Key}
	default:
		return []string{"del", t.Key}
	}
}

// releases says what deleting requests does to their sessions.
func releases(requests []*inspect.Request) string {
	var held, waited, unheld, others []*inspect.Request
	for _, r := range requests {
		switch {
		case !r.IsRequest():
			others = append(others, r)
		case r.Holding:
			held = append(held, r)
		case r.Vacant():
			unheld = append(unheld, r)
		default:
			waited = append(waited, r)
		}
	}
	locks := func(requests []*inspect.Request) string {
		return listOf(requests, func(r *inspect.Request) string { return lock(*r) })
	}
	var does []string
	if len(held) > 0 {
		does = append(does, "releases "+locks(held))
	}
	if len(waited) > 0 {
		does = append(does, "cancels its wait for "+locks(waited))
	}
	if len(unheld) > 0 {
		does = append(does, "nobody holds "+locks(unheld))
	}
	if len(others) > 0 {
		does = append(does, "takes "+listOf(others, func(r *inspect.Request) string { return r.Key })+" out of the way")
	}
	return strings.Join(does, " and ")
}

// next says which waiters get locks then, if any do.
func next(grants []diagnose.Entry) string {
	if len(grants) == 0 {
		return ""
	}
	return "then " + listOf(grants, func(e diagnose.Entry) string {
		return client(e.Session, e.Request) + " gets " + lock(e.Request)
	})
}
