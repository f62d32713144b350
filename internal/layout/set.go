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
			s.index.add(&r.candidates.key.pattern, entry{rule: r, order: order, key: -1})
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
		if e.pattern().match(key, &c) {
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
	best := len(s.rules)
	for e := range s.index.lookUp(kv.Key) {
		if e.key < 0 || e.order >= best {
			continue
		}
		if found, problem := e.rule.match(kv, e.key, leases); problem == "" {
			m, best = found, e.order
		}
	}
	if best == len(s.rules) || m.Rule.Kind == Ignore || m.Rule.Hidden && !s.hidden {
		return Match{}, false
	}
	return m, true
}

// Depends reports whether what a key is depends on the leases of other keys: of those
// that are candidates of its lock.
func (s *Set) Depends(key string) bool {
	for e := range s.index.lookUp(key) {
		if e.key >= 0 && e.rule.sameLease != nil {
			var c captures
			if e.pattern().match(key, &c) {
				return true
			}
		}
	}
	return false
}

// Candidates returns the candidates that a key is, for locks that may not exist: one for
// each lock.
func (s *Set) Candidates(kv KV) []Candidate {
	var all []Candidate
	for e := range s.index.lookUp(kv.Key) {
		if e.key >= 0 {
			continue
		}
		c, ok := e.rule.candidate(kv)
		if !ok {
			continue
		}
		same := slices.IndexFunc(all, func(other Candidate) bool { return other.Lock == c.Lock })
		switch {
		case same < 0:
			all = append(all, c)
		case precedence(c.Rule, all[same].Rule) < 0:
			all[same] = c
		}
	}
	return all
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

// Beside returns what the keys begin with that are not below a lock's name and say what
// there is to know of it, if a key of the lock's name is a lock.
func (s *Set) Beside(lock string) []string {
	prefixes := []string{lock}
	for e := range s.index.lookUp(lock) {
		if e.key < 0 || e.rule.candidates == nil || !e.rule.OneKey() {
			continue
		}
		k := &e.rule.keys[e.key]
		sc := scope{pattern: &k.pattern}
		if k.match(lock, &sc.captures) {
			prefixes = append(prefixes, e.rule.candidates.key.begin(&sc))
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

// Dependents returns the names of locks whose keys may be requests only because of the
// lease that a key is on.
func (s *Set) Dependents(key string) []string {
	var locks []string
	for e := range s.index.lookUp(key) {
		if e.key >= 0 || e.rule.sameLease == nil {
			continue
		}
		if lock, ok := e.rule.candidates.key.lockOf(key); ok {
			locks = append(locks, lock)
		}
	}
	return locks
}
