package layout

import (
	"fmt"
	"slices"
	"strings"
)

// Set is rules that are applied together.
type Set struct {
	rules  []*Rule // by precedence
	index  index
	hidden bool // hidden rules count
}

// NewSet returns the set of rules. No two may have one name.
func NewSet(rules ...*Rule) (*Set, error) {
	s := &Set{rules: slices.Clone(rules)}
	slices.SortFunc(s.rules, precedence)
	names := map[string]bool{}
	for order, r := range s.rules {
		if names[r.Name] {
			return nil, fmt.Errorf("two layouts have the name %q", r.Name)
		}
		names[r.Name] = true
		for i := range r.keys {
			s.index.add(&r.keys[i].pattern, entry{rule: r, order: order, key: i})
		}
		if r.candidates != nil {
			s.index.add(&r.candidates.key.pattern, entry{rule: r, order: order, key: candidateKey})
		}
		if r.beside != nil {
			s.index.add(&r.beside.pattern, entry{rule: r, order: order, key: besideKey})
		}
	}
	s.index.finish()
	return s, nil
}

// WithHidden returns the set in which the keys of hidden rules are locks too.
func (s *Set) WithHidden() *Set {
	all := *s
	all.hidden = true
	return &all
}

// Rules returns the rules, by name.
func (s *Set) Rules() []*Rule { return slices.SortedFunc(slices.Values(s.rules), (*Rule).Compare) }

// Rule returns the rule of that name, or nil.
func (s *Set) Rule(name string) *Rule {
	i := slices.IndexFunc(s.rules, func(r *Rule) bool { return r.Name == name })
	if i < 0 {
		return nil
	}
	return s.rules[i]
}

// Reads reports whether it takes a key's lease and value to say what the key is. Of all
// other keys, the name is enough: they are no requests.
func (s *Set) Reads(key string) bool {
	reads := false
	for e := range s.index.lookUp(key) {
		var c captures
		if e.key != besideKey && e.pattern().match(key, &c) {
			if e.rule.isPlain() {
				return false
			}
			reads = true
		}
	}
	return reads
}

// isPlain reports whether the rule ignores keys, and goes by nothing but their names.
func (r *Rule) isPlain() bool {
	return r.Kind == Ignore && r.value.form == AnyValue && r.lease == leaseAny && r.sameLease == nil &&
		!slices.ContainsFunc(r.keys, func(k key) bool { return k.leaseID >= 0 })
}

// Match says which rule a key matches; not ok if it is no request.
func (s *Set) Match(kv KV, leases Leases) (m Match, ok bool) {
	f := s.Find(kv, leases)
	return f.Match, f.Found
}

// Find is what a set of rules says of a key that was written.
type Find struct {
	Match Match
	Found bool // the key is the request that Match says

	// Depends says that what the key is depends on other keys: those that Dependents is
	// about.
	Depends    bool
	Dependents []string    // the names of locks whose keys may be requests only because of this key
	Candidates []Candidate // that the key is, for locks that may not exist: one for each lock
}

// Find says everything that the rules say of a key, in one walk of the index.
func (s *Set) Find(kv KV, leases Leases) (f Find) {
	best := len(s.rules)
	for e := range s.index.lookUp(kv.Key) {
		if e.key < 0 {
			f.add(e, kv)
			continue
		}
		if e.rule.sameLease != nil && !f.Depends {
			var c captures
			f.Depends = e.pattern().match(kv.Key, &c)
		}
		if e.order < best {
			if found, problem := e.rule.match(kv, e.key, leases); problem == "" {
				f.Match, best = found, e.order
			}
		}
	}
	f.Found = best < len(s.rules) && f.Match.Rule.Kind != Ignore && (s.hidden || !f.Match.Rule.Hidden)
	if !f.Found {
		f.Match = Match{}
	}
	return f
}

// add adds what a key is beside the locks of a rule.
func (f *Find) add(e entry, kv KV) {
	f.Dependents = e.dependents(kv.Key, f.Dependents)
	if e.key != candidateKey {
		return
	}
	c, ok := e.rule.candidate(kv)
	if !ok {
		return
	}
	same := slices.IndexFunc(f.Candidates, func(other Candidate) bool { return other.Lock == c.Lock })
	switch {
	case same < 0:
		f.Candidates = append(f.Candidates, c)
	case precedence(c.Rule, f.Candidates[same].Rule) < 0:
		f.Candidates[same] = c
	}
}

// Dependents is Find for a key that was deleted: the names of locks whose keys may have
// been requests only because of it.
func (s *Set) Dependents(key string) (locks []string) {
	for e := range s.index.lookUp(key) {
		if e.key < 0 {
			locks = e.dependents(key, locks)
		}
	}
	return locks
}

// dependents adds the lock that a key beside it is evidence for.
func (e entry) dependents(key string, locks []string) []string {
	k := e.rule.beside
	if e.key == candidateKey {
		k = &e.rule.candidates.key
	}
	if e.rule.sameLease == nil {
		return locks
	}
	if lock, ok := k.lockOf(key); ok {
		return append(locks, lock)
	}
	return locks
}

// Locks returns the names of locks that a key of that name can be a request for.
func (s *Set) Locks(key string) []string {
	var names []string
	for e := range s.index.lookUp(key) {
		if e.key < 0 || e.rule.Kind == Ignore {
			continue
		}
		if name, ok := e.rule.keys[e.key].lockOf(key); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if i := strings.LastIndexByte(key, '/'); i >= 0 && !slices.Contains(names, key[:i]) { // a mutex's key that has lost its lease
		names = append(names, key[:i])
	}
	return names
}

// lockOf returns the name of the lock that a key is about, by the key alone.
func (k *key) lockOf(text string) (name string, ok bool) {
	s := scope{pattern: &k.pattern}
	if !k.match(text, &s.captures) {
		return "", false
	}
	return k.name(text, &s)
}

// Beside returns what the keys begin with that do not begin with a lock's name and say what
// there is to know of it, if a key of the lock's name is a lock.
func (s *Set) Beside(lock string) []string {
	prefixes := s.apart(lock)
	for e := range s.index.lookUp(lock) {
		if e.key < 0 || e.rule.candidates == nil || !e.rule.OneKey() {
			continue
		}
		k := &e.rule.keys[e.key]
		sc := scope{pattern: &k.pattern}
		if !k.match(lock, &sc.captures) {
			continue
		}
		prefixes = append(prefixes, e.rule.candidates.key.begin(&sc))
		if e.rule.beside != nil {
			prefixes = append(prefixes, e.rule.beside.begin(&sc))
		}
	}
	return prefixes
}

// apart returns what the keys of readers begin with that are not below the names of their
// locks, if locks of that layout can begin with a prefix.
func (s *Set) apart(prefix string) []string {
	var prefixes []string
	for _, r := range s.rules {
		if r.Kind != RW || !r.keys[0].isApart() {
			continue
		}
		head := r.keys[1].parts[0].literal
		if strings.HasPrefix(head, prefix) || strings.HasPrefix(prefix, head) && head != "" {
			prefixes = append(prefixes, r.keys[0].parts[0].literal)
		}
	}
	return prefixes
}

// begin returns what the keys of a pattern begin with, as far as its captures are known.
func (p *pattern) begin(known *scope) string {
	var b strings.Builder
	for _, part := range p.parts {
		text := part.literal
		if part.capture != "" {
			i := known.pattern.index(part.capture)
			if i < 0 {
				break
			}
			text = known.captures[i]
		}
		b.WriteString(text)
	}
	return b.String()
}
