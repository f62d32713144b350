package layout

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

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
// the position in the file.
func Parse(file string, data []byte) ([]*Rule, error) {
	var doc fileDoc
	f, err := form.Decode(file, data, &doc)
	if err != nil {
		return nil, err
	}
	r := reader{file: f}
	rules := r.rules(doc)
	if r.err != nil {
		return nil, r.err
	}
	return rules, nil
}

// reader turns a decoded file into rules and keeps the first error.
type reader struct {
	file *yamlfile.File
	err  error
}

func (r *reader) fail(p yamlfile.Path, format string, args ...any) {
	if r.err == nil {
		r.err = r.file.Errorf(p, format, args...)
	}
}

func (r *reader) rules(doc fileDoc) []*Rule {
	if len(doc.Layouts) == 0 || len(doc.Layouts) > maxRules {
		r.fail(nil, "a file of layouts has 1 to %d of them", maxRules)
	}
	names := map[string]bool{}
	var rules []*Rule
	for i, d := range doc.Layouts {
		p := yamlfile.Path{"layouts", i}
		rule := r.rule(p, d)
		if names[rule.Name] {
			r.fail(p.To("name"), "the second layout with the name %q", rule.Name)
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
	rule := &Rule{Name: deref(d.Name), About: deref(d.About), Sources: d.Sources, Notes: d.Notes, Hidden: d.Hidden != nil && *d.Hidden}
	if !isName(rule.Name) {
		r.fail(p.To("name"), "a layout needs a name of lower-case letters, digits and dashes")
	}
	rule.Kind = Kind(r.word(p.To("kind"), d.Kind, "", Queue, Single, Record, Semaphore, RW, Ignore))
	rule.lease = leaseCondition(r.word(p.To("lease"), d.Lease, string(leaseAny), leaseAny, leaseRequired, leaseNone))
	r.readKeys(p, d, rule)
	rule.value = r.value(p.To("value"), d.Value)
	if d.SameLease != nil {
		rule.sameLease = r.template(p.To("same-lease"), d.SameLease)
	}
	rule.owner = r.owner(p.To("owner"), d.Owner)
	rule.owner.recorded = rule.value.form == OwnerValue
	for i, one := range d.Info {
		rule.info = append(rule.info, r.info(p.To("info", i), one))
	}
	r.readValue(p, d, rule)
	r.readCandidates(p, d, rule)
	recorded := "unrecorded"
	if rule.Kind == Queue || rule.Kind == RW {
		recorded = "recorded"
	}
	waiters := r.word(p.To("waiters"), d.Waiters, recorded, "recorded", "unrecorded", "leases")
	rule.Waiters, rule.Polls = waiters == "recorded", waiters == "leases"
	if rule.Waiters && rule.OneKey() {
		r.fail(p.To("waiters"), "clients that wait for a %s leave no key", rule.Kind)
	}
	rule.Release = r.release(p.To("release"), d.Release, rule)
	return rule
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// word reads one of some words. Without a default it is required.
func (r *reader) word(p yamlfile.Path, s *string, byDefault string, words ...any) string {
	if s == nil && byDefault != "" {
		return byDefault
	}
	var known []string
	for _, w := range words {
		known = append(known, wordOf(w))
	}
	if s == nil {
		r.fail(p, "%v is missing: one of %s", p[len(p)-1], strings.Join(known, ", "))
		return ""
	}
	if !slices.Contains(known, *s) {
		r.fail(p, "%q is none of %s", *s, strings.Join(known, ", "))
	}
	return *s
}

func wordOf(w any) string {
	switch w := w.(type) {
	case Kind:
		return string(w)
	case leaseCondition:
		return string(w)
	case Form:
		return string(w)
	case How:
		return string(w)
	default:
		return w.(string)
	}
}

func (r *reader) readKeys(p yamlfile.Path, d ruleDoc, rule *Rule) {
	if (rule.Kind == RW) != (d.Read != nil && d.Write != nil && d.Key == nil) || rule.Kind != RW && d.Key == nil {
		r.fail(p, "a layout of kind rw needs the patterns read and write, and any other kind key")
		return
	}
	if rule.Kind != RW {
		rule.keys = []key{r.key(p.To("key"), p.To("lock"), *d.Key, d.Lock, keyspace.Write)}
		if rule.Kind == Queue && rule.keys[0].prefix == len(rule.keys[0].parts) {
			r.fail(p.To("lock"), "a queue needs lock: which part of its keys is the lock's name")
		}
		return
	}
	rule.keys = []key{
		r.key(p.To("read"), p.To("lock"), *d.Read, d.Lock, keyspace.Read),
		r.key(p.To("write"), p.To("lock"), *d.Write, d.Lock, keyspace.Write),
	}
	if d.Lock == nil {
		r.fail(p.To("lock"), "a layout of kind rw needs lock: which part of its keys is the lock's name")
	}
}

func (r *reader) key(p, lockPath yamlfile.Path, text string, lock *string, mode keyspace.Mode) key {
	k := key{mode: mode, leaseID: -1}
	var err error
	if k.pattern, err = parsePattern(text); err != nil {
		r.fail(p, "%v", err)
		return k
	}
	for i, part := range k.parts {
		if part.capture == "lease" && (part.kind == hexID || part.kind == decimalID) {
			k.leaseID, k.base = i, 16
			if part.kind == decimalID {
				k.base = 10
			}
		}
	}
	if lock == nil {
		k.prefix = len(k.parts)
		return k
	}
	k.lock = r.template(lockPath, lock)
	k.prefix = k.pattern.prefix(k.lock)
	return k
}

// prefix returns how many of the pattern's first parts a template is, or 0.
func (p *pattern) prefix(t template) int {
	if len(t) > len(p.parts) {
		return 0
	}
	for i, piece := range t {
		part := p.parts[i]
		if part.kind == base64URL || part.capture != piece.name || part.literal != piece.literal {
			return 0
		}
	}
	return len(t)
}

func (r *reader) template(p yamlfile.Path, text *string) template {
	t, err := parseTemplate(*text)
	if err != nil || len(t) == 0 {
		r.fail(p, "not a template: text with {names} of captures in it")
	}
	return t
}

func (r *reader) value(p yamlfile.Path, d *valueDoc) value {
	if d == nil {
		return value{form: AnyValue}
	}
	v := value{
		form: Form(r.word(p.To("is"), d.Is, "", AnyValue, EmptyValue, TextValue, UUIDValue, UUIDBytes, Base64Value,
			JSONValue, ProtobufValue, OwnerValue)),
		after: deref(d.After), encrypted: deref(d.Encrypted), has: d.Has,
		only: d.Only != nil && *d.Only, snappy: d.Snappy != nil && *d.Snappy,
	}
	v.version = r.number(p.To("version"), d.Version)
	v.bytes = r.number(p.To("bytes"), d.Bytes)
	if d.Pattern != nil {
		var err error
		if v.pattern, err = regexp.Compile(*d.Pattern); err != nil {
			r.fail(p.To("pattern"), "%v", err)
		}
	}
	for _, want := range slices.Sorted(maps.Values(d.Has)) {
		if _, err := parseTemplate(want); err != nil {
			r.fail(p.To("has"), "%v", err)
		}
	}
	return v
}

func (r *reader) number(p yamlfile.Path, s *string) int {
	if s == nil {
		return 0
	}
	n, err := strconv.Atoi(*s)
	if err != nil || n < 1 || n > maxValue {
		r.fail(p, "not a number from 1 to %d", maxValue)
	}
	return n
}

func (r *reader) owner(p yamlfile.Path, d map[string]string) owner {
	var o owner
	parts := map[string]*template{"host": &o.host, "pid": &o.pid, "program": &o.program, "label": &o.label, "time": &o.time}
	for _, name := range slices.Sorted(maps.Keys(d)) {
		to, ok := parts[name]
		switch {
		case !ok:
			r.fail(p.To(name), "an owner has host, pid, program, label and time, and no %s", name)
		default:
			s := d[name]
			*to = r.template(p.To(name), &s)
		}
	}
	return o
}

func (r *reader) info(p yamlfile.Path, d infoDoc) info {
	if d.Key == nil {
		r.fail(p, "info needs the key that it is in")
		return info{}
	}
	return info{key: r.template(p.To("key"), d.Key), value: r.value(p.To("value"), d.Value), owner: r.owner(p.To("owner"), d.Owner)}
}

// readValue reads what the value of a lock says about who holds it.
func (r *reader) readValue(p yamlfile.Path, d ruleDoc, rule *Rule) {
	if (rule.Kind == Record) != (d.Record != nil) || (rule.Kind == Semaphore) != (d.Semaphore != nil) {
		r.fail(p, "layouts of kind record have record, those of kind semaphore have semaphore, and no others")
		return
	}
	if d.Record != nil {
		if d.Record.Holder == nil {
			r.fail(p.To("record"), "a record needs holder: the field that names the holder")
		}
		rule.record = record{holder: deref(d.Record.Holder), renewed: deref(d.Record.Renewed), acquired: deref(d.Record.Acquired)}
		rule.record.duration = deref(d.Record.Duration)
		if fixed, err := time.ParseDuration(rule.record.duration); err == nil {
			rule.record.fixed, rule.record.duration = fixed, ""
		}
	}
	if d.Semaphore != nil {
		if d.Semaphore.Holders == nil || rule.value.form != JSONValue {
			r.fail(p.To("semaphore"), "a semaphore needs holders: the field of a JSON object that lists them")
		}
		rule.slots = slots{total: deref(d.Semaphore.Total), holders: deref(d.Semaphore.Holders)}
	}
}

func (r *reader) readCandidates(p yamlfile.Path, d ruleDoc, rule *Rule) {
	c := d.Candidates
	if c == nil {
		if rule.sameLease != nil {
			r.fail(p.To("same-lease"), "same-lease needs candidates: the pattern of the keys that can be on the same lease")
		}
		return
	}
	p = p.To("candidates")
	if c.Key == nil || c.Lock == nil {
		r.fail(p, "candidates need key, the pattern of their keys, and lock, the name of their lock")
		return
	}
	k := r.key(p.To("key"), p.To("lock"), *c.Key, c.Lock, keyspace.Write)
	rule.candidates = &candidates{key: k, value: r.value(p.To("value"), c.Value)}
}

func (r *reader) release(p yamlfile.Path, d *releaseDoc, rule *Rule) Release {
	if d == nil {
		if rule.Kind == Queue || rule.Kind == RW {
			return Release{How: Revoke}
		}
		if rule.Kind == Record || rule.Kind == Semaphore {
			return Release{How: Refuse, Why: "its value says who holds it"}
		}
		return Release{How: Delete}
	}
	out := Release{How: How(r.word(p.To("how"), d.How, "", Revoke, Delete, Advise, Refuse)), Why: deref(d.Why)}
	if (out.How == Advise) != (d.Command != nil) {
		r.fail(p, "command is for how: advise, which needs it")
	}
	for _, word := range strings.Fields(deref(d.Command)) {
		out.command = append(out.command, r.template(p.To("command"), &word))
	}
	return out
}
