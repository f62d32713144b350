package layout

import (
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/yamlfile"
)

// candidates reads where the keys of clients are that would like to have a lock.
func (r *reader) candidates(p yamlfile.Path, d ruleDoc, rule *Rule) *candidates {
	c := d.Candidates
	if c == nil {
		if rule.sameLease != nil {
			r.fail(p.To("same-lease"), "same-lease needs candidates: the pattern of the keys that can be on the same lease")
		}
		return nil
	}
	p = p.To("candidates")
	out := &candidates{value: r.value(p.To("value"), c.Value)}
	n := names{value: &out.value}
	if out.key, n.patterns = r.keyBeside(p, c.Key, c.Lock, n); r.err != nil {
		return nil
	}
	r.checkConditions(p.To("value", "has"), &out.value, n)
	k := &out.key
	name := "{" + k.lastCapture() + "}"
	if c.Name != nil {
		name = *c.Name
	}
	out.name = r.template(p.To("name"), &name, n)
	return out
}

// keyBeside reads the pattern of keys beside a lock, with its name, and returns the patterns
// of the names that are known then.
func (r *reader) keyBeside(p yamlfile.Path, text, lock *string, n names) (key, []*pattern) {
	k := key{mode: keyspace.Write, leaseID: -1}
	if text == nil || lock == nil {
		r.fail(p, "%v: needs key, the pattern of keys, and lock, the name of their lock", p[len(p)-1])
		return k, nil
	}
	var err error
	if k.pattern, err = parsePattern(*text); err != nil {
		r.fail(p.To("key"), "%v", err)
		return k, nil
	}
	n.patterns = []*pattern{&k.pattern}
	k.lock = r.template(p.To("lock"), lock, n)
	return k, n.patterns
}

// beside reads the pattern of a key that is evidence too.
func (r *reader) beside(p yamlfile.Path, d *besideDoc, rule *Rule) *key {
	if d == nil {
		return nil
	}
	k, _ := r.keyBeside(p, d.Key, d.Lock, names{})
	if rule.sameLease == nil {
		r.fail(p, "beside needs same-lease: it is for keys of which that key was deleted first")
	}
	for _, part := range k.parts {
		if r.err == nil && part.capture != "" && (len(rule.keys) == 0 || rule.keys[0].index(part.capture) < 0) {
			r.fail(p.To("key"), "{%s} is not a capture of the rule's key", part.capture)
		}
	}
	return &k
}

func (p *pattern) lastCapture() string {
	last := ""
	for _, part := range p.parts {
		if part.capture != "" {
			last = part.capture
		}
	}
	return last
}
