package layout

import (
	"errors"
	"slices"
	"strings"

	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/yamlfile"
)

var form = yamlfile.Form{
	Empty:  "empty file: it needs a list of layouts",
	Second: "second document: a file has one list of layouts",
	Flags:  []string{"hidden", "only", "snappy"},
}

// maxRules bounds the rules of a file.
const maxRules = 1000

// Parse reads rules. file is its name for messages. Every error is a *yamlfile.Error with
// the position in the file. Rules must not have the names of built-in ones.
func Parse(file string, data []byte) ([]*Rule, error) {
	var doc fileDoc
	f, err := form.Decode(file, data, &doc)
	if err != nil {
		return nil, err
	}
	r := reader{file: f, taken: Builtin()}
	rules := r.rules(doc)
	if r.err != nil {
		return nil, r.err
	}
	return rules, nil
}

// reader turns a decoded file into rules and keeps the first error.
type reader struct {
	file  *yamlfile.File // nil without positions
	taken *Set           // names that rules must not have; may be nil
	err   error
}

func (r *reader) fail(p yamlfile.Path, format string, args ...any) {
	switch {
	case r.err != nil:
	case r.file == nil:
		r.err = errors.New("bad rule")
	default:
		r.err = r.file.Errorf(p, format, args...)
	}
}

func (r *reader) rules(doc fileDoc) []*Rule {
	if len(doc.Layouts) == 0 || len(doc.Layouts) > maxRules {
		r.fail(nil, "a file of layouts has 1 to %d of them", maxRules)
	}
	names := map[string]bool{}
	rules := make([]*Rule, 0, len(doc.Layouts))
	for i, d := range doc.Layouts {
		p := yamlfile.Path{"layouts", i}
		rule := r.rule(p, d)
		switch {
		case names[rule.Name]:
			r.fail(p.To("name"), "the second layout with the name %q", rule.Name)
		case r.taken != nil && r.taken.Rule(rule.Name) != nil:
			r.fail(p.To("name"), "%q is the name of a built-in layout: choose another", rule.Name)
		}
		names[rule.Name] = true
		rules = append(rules, rule)
		if r.err != nil {
			return nil
		}
	}
	return rules
}

func (r *reader) rule(p yamlfile.Path, d ruleDoc) *Rule {
	rule := &Rule{Name: deref(d.Name), About: deref(d.About), Sources: d.Sources, Notes: d.Notes, Hidden: isSet(d.Hidden)}
	if !isName(rule.Name) {
		r.fail(p.To("name"), "a layout needs a name of lower-case letters, digits and dashes")
	}
	rule.Kind = word(r, p.To("kind"), d.Kind, "", kinds...)
	rule.lease = word(r, p.To("lease"), d.Lease, leaseAny, leaseAny, leaseRequired, leaseNone)
	rule.value = r.value(p.To("value"), d.Value)
	rule.keys = r.keys(p, d, rule.Kind)
	r.checkText(p, rule)
	n := names{value: &rule.value}.of(rule.keys)
	r.checkConditions(p.To("value", "has"), &rule.value, n)
	if d.SameLease != nil {
		rule.sameLease = r.template(p.To("same-lease"), d.SameLease, n)
	}
	rule.owner = r.owner(p.To("owner"), d.Owner, n)
	rule.owner.recorded = rule.value.form == OwnerValue
	for i, one := range d.Info {
		rule.info = append(rule.info, r.info(p.To("info", i), one, rule))
	}
	r.readHolders(p, d, rule)
	rule.candidates = r.candidates(p, d, rule)
	rule.beside = r.beside(p.To("beside"), d.Beside, rule)
	r.readWaiters(p.To("waiters"), d.Waiters, rule)
	r.readEnded(p.To("ended"), d.Ended, rule)
	rule.Release = r.release(p.To("release"), d.Release, rule)
	return rule
}

// checkText makes sure that not just any key matches a rule.
func (r *reader) checkText(p yamlfile.Path, rule *Rule) {
	for _, k := range rule.keys {
		if rule.value.form == AnyValue && k.leaseID < 0 && !slices.ContainsFunc(k.parts, func(part part) bool { return strings.Trim(part.literal, "/") != "" }) {
			r.fail(p.To("key"), "just any key would match: it needs some text")
		}
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func isSet(flag *bool) bool { return flag != nil && *flag }

// word reads one of some words. Without a default it is required.
func word[T ~string](r *reader, p yamlfile.Path, s *string, byDefault T, words ...T) T {
	if s == nil && byDefault != "" {
		return byDefault
	}
	if s != nil && slices.Contains(words, T(*s)) {
		return T(*s)
	}
	known := make([]string, 0, len(words))
	for _, w := range words {
		known = append(known, string(w))
	}
	if s == nil {
		r.fail(p, "%v is missing: one of %s", p[len(p)-1], strings.Join(known, ", "))
	} else {
		r.fail(p, "%q is none of %s", *s, strings.Join(known, ", "))
	}
	return byDefault
}

func (r *reader) readWaiters(p yamlfile.Path, s *string, rule *Rule) {
	byDefault := "unrecorded"
	if rule.Kind.isQueue() {
		byDefault = "recorded"
	}
	waiters := word(r, p, s, byDefault, "recorded", "unrecorded", "leases")
	rule.Waiters, rule.Polls = waiters == "recorded", waiters == "leases"
	if rule.Waiters && rule.OneKey() {
		r.fail(p, "clients that wait for a lock of kind %s leave no key: unrecorded, or leases if they leave leases without keys", rule.Kind)
	}
	if (rule.Kind == Queue || rule.Kind == Permits) && !rule.Waiters {
		r.fail(p, "clients that wait for a lock of kind %s leave keys: recorded", rule.Kind)
	}
}

// readEnded reads how a client that ends shows that it keeps the lock from others.
func (r *reader) readEnded(p yamlfile.Path, s *string, rule *Rule) {
	if s == nil {
		return
	}
	rule.Keeps = word(r, p, s, "", "rewritten") != ""
	if rule.Kind != Single || rule.lease != leaseRequired {
		r.fail(p, "a key that is kept until its lease ends is of kind single, with lease: required")
	}
}

func (r *reader) keys(p yamlfile.Path, d ruleDoc, kind Kind) []key {
	if kind == RW {
		if d.Read == nil || d.Write == nil || d.Key != nil {
			r.fail(p, "a layout of kind rw needs the patterns read and write, and has no key")
			return nil
		}
		readPath, readLock := p.To("lock"), d.Lock
		if d.ReadLock != nil {
			readPath, readLock = p.To("read-lock"), d.ReadLock
		}
		return []key{
			r.key(p.To("read"), readPath, *d.Read, readLock, keyspace.Read, kind),
			r.key(p.To("write"), p.To("lock"), *d.Write, d.Lock, keyspace.Write, kind),
		}
	}
	if d.Key == nil || d.Read != nil || d.Write != nil || d.ReadLock != nil {
		r.fail(p, "a layout of kind %s needs key, the pattern of its keys; read and write are for kind rw, and so is read-lock", kind)
		return nil
	}
	mode := keyspace.Write
	if kind == Permits {
		mode = keyspace.Slot
	}
	return []key{r.key(p.To("key"), p.To("lock"), *d.Key, d.Lock, mode, kind)}
}

func (r *reader) key(p, lockPath yamlfile.Path, text string, lock *string, mode keyspace.Mode, kind Kind) key {
	k := key{mode: mode, leaseID: -1}
	var err error
	if k.pattern, err = parsePattern(text); err != nil {
		r.fail(p, "%v", err)
		return k
	}
	if i := k.index("lease"); i >= 0 {
		switch k.parts[i].kind {
		case hexID:
			k.leaseID, k.base = i, 16
		case decimalID:
			k.leaseID, k.base = i, 10
		default:
			r.fail(p, "{lease} is the key's own lease: write {lease:hex} or {lease:decimal}")
		}
	}
	switch {
	case lock == nil && kind.isQueue():
		r.fail(lockPath, "a layout of kind %s needs lock: which part of its keys is the lock's name", kind)
	case lock == nil:
		k.whole, k.named = true, &k.pattern
	case kind == Single || kind == Record || kind == Semaphore || kind == Ignore:
		r.fail(lockPath, "a lock of kind %s has the name of its key: lock is for kinds queue, rw and permits", kind)
	default:
		k.lock = r.template(lockPath, lock, names{patterns: []*pattern{&k.pattern}, every: true})
		k.cut()
		k.setNamed()
		apart := kind == RW && mode == keyspace.Read && k.isApart()
		if len(k.lock) > 0 && !k.isBelowLock() && !apart {
			r.fail(lockPath, "the key has to begin with the lock's name and go on with a slash, as in /jobs/{job}/{lease:hex} with the lock /jobs/{job}")
		}
	}
	return k
}

// isApart reports whether the key is not below its lock's name, which is in it in base64.
func (k *key) isApart() bool {
	if len(k.lock) != 1 || k.lock[0].name == "" || k.lock[0].last {
		return false
	}
	i := k.index(k.lock[0].name)
	return i >= 0 && k.parts[i].kind == base64URL && k.parts[0].capture == ""
}

// isBelowLock reports whether the key is the lock's name and, after a slash, more.
func (k *key) isBelowLock() bool {
	return k.first+k.more > 0 && k.first < len(k.parts) && strings.HasPrefix(k.parts[k.first].literal[k.more:], "/")
}

// cut finds out whether the lock's name is what the key begins with.
func (k *key) cut() {
	for i, piece := range k.lock {
		if i == len(k.parts) {
			return
		}
		part := k.parts[i]
		switch {
		case part.kind == base64URL && part.capture != "" || part.capture != piece.name || piece.last:
			return
		case part.literal == piece.literal:
		case i == len(k.lock)-1 && strings.HasPrefix(part.literal, piece.literal):
			k.first, k.more = i, len(piece.literal)
			return
		default:
			return
		}
	}
	k.first, k.whole = len(k.lock), len(k.lock) == len(k.parts)
}

// setNamed makes the pattern of the lock's name, if that is what the key begins with.
func (k *key) setNamed() {
	if k.first == 0 {
		return
	}
	p := pattern{parts: slices.Clone(k.parts[:k.first]), wide: -1}
	if k.more > 0 {
		p.parts = append(p.parts, part{literal: k.parts[k.first].literal[:k.more]})
	}
	if p.check() == nil {
		k.named = &p
	}
}

// namesIn returns the names that a lock gives a value to: lock, and captures of its name.
func (k *key) namesIn() names {
	n := names{words: []string{"lock"}}
	if k.named != nil {
		n.patterns = []*pattern{k.named}
	}
	return n
}

func (r *reader) template(p yamlfile.Path, text *string, n names) template {
	t, err := parseTemplate(*text)
	if err != nil {
		r.fail(p, "%v", err)
		return nil
	}
	if len(t) == 0 {
		r.fail(p, "empty: it needs text, or {names} of captures")
		return nil
	}
	for _, name := range t.names() {
		if !n.has(name) {
			r.fail(p, "{%s} is not known here: %s", name, n)
		}
	}
	return t
}
