package layout

import (
	"strconv"
	"time"

	"etcd-lock/internal/printable"
)

// KV is a key with what is known of it.
type KV struct {
	Key   string
	Value []byte
	Lease int64 // 0: none
}

// Leases says which lease a key is on. It is not ok if there is no such key.
type Leases func(key string) (lease int64, ok bool)

// match matches a rule with a key, by its i-th pattern. It says why it does not.
func (r *Rule) match(kv KV, i int, leases Leases) (m Match, problem string) {
	k := &r.keys[i]
	s := scope{pattern: &k.pattern}
	if !k.match(kv.Key, &s.captures) {
		return m, "the key does not match the pattern"
	}
	if problem := r.matchLease(k, &s.captures, kv.Lease); problem != "" {
		return m, problem
	}
	name, ok := k.name(kv.Key, &s)
	if !ok {
		return m, "the key does not say the name of a lock"
	}
	m = Match{Rule: r, Lock: name, Mode: k.mode}
	if r.value.encrypted != "" && hasPrefix(kv.Value, r.value.encrypted) {
		m.Encrypted = true
		return m, ""
	}
	if s.fields, problem = r.value.read(kv.Value); problem != "" {
		return Match{}, problem
	}
	if problem := r.value.check(&s, kv); problem != "" {
		return Match{}, problem
	}
	if problem := r.matchSibling(&s, kv, leases); problem != "" {
		return Match{}, problem
	}
	if problem := r.readHolders(&m, &s, kv); problem != "" {
		return Match{}, problem
	}
	return m, ""
}

// quote returns a text in quotes, with what a terminal cannot show written as escapes.
func quote(s string) string { return `"` + printable.Text(s) + `"` }

// quoteRule returns a text of a rule in quotes, as its author wrote it: backslashes, of
// which regular expressions have many, stay single.
func quoteRule(s string) string { return `"` + printable.Escaped(s) + `"` }

func unless(ok bool, problem string) string {
	if ok {
		return ""
	}
	return problem
}

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// readHolders reads who holds the lock of a key that has all the evidence.
func (r *Rule) readHolders(m *Match, s *scope, kv KV) string {
	if !r.owner.isZero() {
		m.Owner, m.Owned = r.owner.read(s, kv.Value)
	}
	switch r.Kind {
	case Record:
		term := r.record.read(&s.fields)
		m.Term = &term
	case Semaphore:
		slots, ok := r.slots.read(&s.fields)
		if !ok {
			return "the value's field " + r.slots.holders + " is not a list of texts"
		}
		m.Slots = &slots
	case Permits:
		if !m.Owner.IsSlots() {
			return "the value does not say how many permits are taken, of how many"
		}
	}
	return ""
}

// name returns the name of the lock that a key is for.
func (k *key) name(text string, s *scope) (string, bool) {
	switch {
	case k.whole:
		return text, true
	case k.first == 0:
		return k.lock.render(s)
	}
	n := k.more
	for i := range k.first {
		if p := &k.parts[i]; p.capture == "" {
			n += len(p.literal)
		} else {
			n += len(s.captures[i])
		}
	}
	return text[:n], true
}

func (r *Rule) matchLease(k *key, c *captures, lease int64) string {
	switch {
	case k.leaseID >= 0 && !isLease(c[k.leaseID], lease, k.base):
		return k.notOwnLease()
	case r.lease == leaseRequired && lease == 0:
		return "it is not on a lease"
	case r.lease == leaseNone && lease != 0:
		return "it is on a lease"
	}
	return ""
}

func (k *key) notOwnLease() string {
	if k.base == 10 {
		return "its last part is not its own lease in decimal"
	}
	return "its last part is not its own lease in hexadecimal"
}

// isLease reports whether text is the ID of a lease, as software writes it.
func isLease(text string, lease int64, base int) bool {
	var buf [20]byte
	return lease != 0 && string(strconv.AppendInt(buf[:0], lease, base)) == text
}

func (r *Rule) matchSibling(s *scope, kv KV, leases Leases) string {
	if r.sameLease == nil {
		return ""
	}
	sibling, ok := r.sameLease.render(s)
	if !ok {
		return "the value does not say which key has to be on the same lease"
	}
	if lease, ok := leases(sibling); ok && lease == kv.Lease && lease != 0 || r.hasBeside(s, leases) {
		return ""
	}
	return "there is no key " + quote(cutText(sibling)) + " on the same lease"
}

// hasBeside reports whether there is the other key that is evidence for a key of the rule,
// such as where the one on the same lease was deleted first.
func (r *Rule) hasBeside(s *scope, leases Leases) bool {
	if r.beside == nil {
		return false
	}
	_, ok := leases(r.beside.begin(s))
	return ok
}

// read reads for how long a record says that its lock is held.
func (r *record) read(f *fields) Term {
	t := Term{Duration: r.fixed}
	t.Holder, _ = f.get(r.holder)
	t.Acquired = timeOf(f, r.acquired)
	t.Renewed = timeOf(f, r.renewed)
	if r.duration == "" {
		return t
	}
	text, _ := f.get(r.duration)
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil && seconds > 0 {
		t.Duration = time.Duration(seconds) * time.Second
	}
	return t
}

// timeOf returns a field that is a time: text, milliseconds since 1970, or a message of
// seconds and nanoseconds.
func timeOf(f *fields, field string) time.Time {
	if field == "" {
		return time.Time{}
	}
	if f.form == ProtobufValue {
		if t, ok := f.message.timestamp(field); ok {
			return t
		}
	}
	text, _ := f.get(field)
	t, _ := parseTime(text)
	return t
}

// read reads who holds a semaphore; not ok if the value does not say that.
func (s *slots) read(f *fields) (found Slots, ok bool) {
	if text, ok := f.get(s.total); ok {
		if n, err := strconv.Atoi(text); err == nil && n > 0 {
			found.Total = n
		}
	}
	found.Holders, ok = f.object.list(s.holders)
	return found, ok
}

// Candidate is a key of a client that would like to have a lock.
type Candidate struct {
	Rule *Rule
	Lock string // the lock's name
	Name string // the client
}

// candidate returns the candidate that a key is by this rule.
func (r *Rule) candidate(kv KV) (Candidate, bool) {
	k := &r.candidates.key
	s := scope{pattern: &k.pattern}
	if !k.match(kv.Key, &s.captures) {
		return Candidate{}, false
	}
	var problem string
	if s.fields, problem = r.candidates.value.read(kv.Value); problem != "" {
		return Candidate{}, false
	}
	if r.candidates.value.check(&s, kv) != "" {
		return Candidate{}, false
	}
	lock, ok := k.name(kv.Key, &s)
	name, named := r.candidates.name.render(&s)
	if !named || name == "" {
		name = kv.Key
	}
	return Candidate{Rule: r, Lock: lock, Name: cutText(name)}, ok
}
