package layout

import (
	"strconv"
	"time"
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
	c, ok := k.match(kv.Key)
	if !ok {
		return m, "the key does not match " + k.text
	}
	if problem := r.matchLease(k, &c, kv.Lease); problem != "" {
		return m, problem
	}
	if r.value.encrypted != "" && hasPrefix(kv.Value, r.value.encrypted) {
		name, ok := k.name(kv.Key, scope{pattern: &k.pattern, captures: &c})
		m = Match{Rule: r, Lock: name, Mode: k.mode, Encrypted: true}
		return m, unless(ok, "the key says no lock's name")
	}
	f, problem := r.value.read(kv.Value)
	if problem != "" {
		return m, problem
	}
	s := scope{pattern: &k.pattern, captures: &c, fields: f, builtins: nil}
	if problem := r.value.check(s, kv); problem != "" {
		return m, problem
	}
	if problem := r.matchSibling(s, kv, leases); problem != "" {
		return m, problem
	}
	return r.found(k, s, kv)
}

func unless(ok bool, problem string) string {
	if ok {
		return ""
	}
	return problem
}

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// found makes the match of a key that has all the evidence.
func (r *Rule) found(k *key, s scope, kv KV) (Match, string) {
	name, ok := k.name(kv.Key, s)
	if !ok || name == "" && r.Kind != Queue {
		return Match{}, "the key says no lock's name"
	}
	m := Match{Rule: r, Lock: name, Mode: k.mode}
	if !r.owner.isZero() {
		m.Owner, m.Owned = r.owner.read(s, kv.Value)
	}
	if r.Kind == Record {
		term := r.record.read(s.fields)
		m.Term = &term
	}
	if r.Kind == Semaphore {
		slots := r.slots.read(s.fields)
		m.Slots = &slots
	}
	return m, ""
}

// name returns the name of the lock that a key is for.
func (k *key) name(text string, s scope) (string, bool) {
	switch k.prefix {
	case 0:
		return k.lock.render(s)
	case len(k.parts):
		return text, true
	}
	n := 0
	for i := range k.prefix {
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
		return "its ID is not that of its lease"
	case r.lease == leaseRequired && lease == 0:
		return "it is not on a lease"
	case r.lease == leaseNone && lease != 0:
		return "it is on a lease"
	}
	return ""
}

// isLease reports whether text is the ID of a lease, as software writes it.
func isLease(text string, lease int64, base int) bool {
	var buf [20]byte
	return lease != 0 && string(strconv.AppendInt(buf[:0], lease, base)) == text
}

// check makes sure that fields are as they have to be.
func (v *value) check(s scope, kv KV) string {
	for field, want := range v.has {
		got, ok := s.fields.get(field)
		switch {
		case !ok:
			return "the value has no field " + field
		case want == "*":
		case want == "{lease}":
			if !isLease(got, kv.Lease, 10) {
				return "the value's field " + field + " is not the key's lease"
			}
		default:
			t, _ := parseTemplate(want) // checked when the rule was read
			if text, ok := t.render(scope{pattern: s.pattern, captures: s.captures}); !ok || text != got {
				return "the value's field " + field + " is not " + want
			}
		}
	}
	return ""
}

func (r *Rule) matchSibling(s scope, kv KV, leases Leases) string {
	if r.sameLease == nil {
		return ""
	}
	sibling, ok := r.sameLease.render(s)
	if !ok {
		return "the value does not say which key has to be on the same lease"
	}
	if lease, ok := leases(sibling); !ok || lease != kv.Lease || lease == 0 {
		return "there is no key " + strconv.Quote(cutText(sibling)) + " on the same lease"
	}
	return ""
}

// read reads for how long a record says that its lock is held.
func (r *record) read(f fields) Term {
	var t Term
	t.Holder, _ = f.get(r.holder)
	t.Acquired, _ = timeOf(f, r.acquired)
	t.Renewed, _ = timeOf(f, r.renewed)
	t.Duration = r.fixed
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
func timeOf(f fields, field string) (time.Time, bool) {
	if field == "" {
		return time.Time{}, false
	}
	if m, ok := f.(message); ok {
		if t, ok := m.timestamp(field); ok {
			return t, true
		}
	}
	text, _ := f.get(field)
	return parseTime(text)
}

// read reads who holds a semaphore.
func (s *slots) read(f fields) Slots {
	var found Slots
	if text, ok := f.get(s.total); ok {
		if n, err := strconv.Atoi(text); err == nil && n > 0 {
			found.Total = n
		}
	}
	if o, ok := f.(object); ok {
		found.Holders = o.list(s.holders)
	}
	return found
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
	c, ok := k.match(kv.Key)
	if !ok {
		return Candidate{}, false
	}
	f, problem := r.candidates.value.read(kv.Value)
	if problem != "" {
		return Candidate{}, false
	}
	s := scope{pattern: &k.pattern, captures: &c, fields: f}
	if r.candidates.value.check(s, kv) != "" {
		return Candidate{}, false
	}
	lock, ok := k.name(kv.Key, s)
	name := c[len(k.parts)-1]
	if name == "" {
		name = kv.Key
	}
	return Candidate{Rule: r, Lock: lock, Name: cutText(name)}, ok
}
