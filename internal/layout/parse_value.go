package layout

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/printable"
	"etcd-lock/internal/yamlfile"
)

// names are those that a template can have.
type names struct {
	patterns []*pattern // their captures
	every    bool       // a name has to be a capture of every pattern, and not only of one
	value    *value     // its fields; may be nil
	words    []string
}

// of returns the names with the captures of keys.
func (n names) of(keys []key) names {
	for i := range keys {
		n.patterns = append(n.patterns, &keys[i].pattern)
	}
	return n
}

func (n names) has(name string) bool {
	captured := func(p *pattern) bool { return p.index(name) >= 0 }
	switch {
	case slices.Contains(n.words, name), n.value != nil && n.value.hasField(name):
		return true
	case n.every:
		return !slices.ContainsFunc(n.patterns, func(p *pattern) bool { return !captured(p) })
	default:
		return slices.ContainsFunc(n.patterns, captured)
	}
}

// String lists the names.
func (n names) String() string {
	var all []string
	for _, p := range n.patterns {
		for _, part := range p.parts {
			if part.capture != "" && n.has(part.capture) {
				all = append(all, "{"+part.capture+"}")
			}
		}
	}
	for _, w := range n.words {
		all = append(all, "{"+w+"}")
	}
	if n.value != nil {
		all = append(all, n.value.fieldNames()...)
	}
	if len(all) == 0 {
		return "there are no names here"
	}
	slices.Sort(all)
	return "there are " + strings.Join(slices.Compact(all), ", ")
}

// fieldNames lists the names of fields that values of this form can have.
func (v *value) fieldNames() []string {
	var all []string
	switch v.form {
	case AnyValue:
		all = []string{"{text}", "{.fields} of JSON"}
	case TextValue:
		all = []string{"{text}"}
	case UUIDValue, UUIDBytes:
		all = []string{"{uuid}", "{node}"}
	case JSONValue:
		all = []string{"{.fields} of JSON"}
	case ProtobufValue:
		all = []string{"{numbers} of fields, as in {2.1}"}
	}
	if v.pattern != nil {
		for _, group := range v.pattern.SubexpNames() {
			if group != "" {
				all = append(all, "{"+group+"}")
			}
		}
	}
	return all
}

var (
	jsonPath     = regexp.MustCompile(`^(\.[^.]+)+$`)
	protobufPath = regexp.MustCompile(`^[1-9][0-9]{0,8}(\.[1-9][0-9]{0,8})*$`)
)

// hasField reports whether values of this form can have a field.
func (v *value) hasField(name string) bool {
	switch v.form {
	case AnyValue:
		return name == "text" || jsonPath.MatchString(name) || v.hasGroup(name)
	case TextValue:
		return name == "text" || v.hasGroup(name)
	case UUIDValue, UUIDBytes:
		return name == "uuid" || name == "node"
	case JSONValue:
		return jsonPath.MatchString(name)
	case ProtobufValue:
		return protobufPath.MatchString(name)
	default:
		return false
	}
}

func (v *value) hasGroup(name string) bool {
	return v.pattern != nil && name != "" && v.pattern.SubexpIndex(name) >= 0
}

func (r *reader) value(p yamlfile.Path, d *valueDoc) value {
	if d == nil {
		return value{form: AnyValue}
	}
	v := value{
		form:  word(r, p.To("is"), d.Is, "", forms...),
		after: deref(d.After), encrypted: deref(d.Encrypted), only: isSet(d.Only), snappy: isSet(d.Snappy),
		version: r.number(p.To("version"), d.Version), bytes: r.number(p.To("bytes"), d.Bytes),
	}
	if d.Pattern != nil {
		var err error
		if v.pattern, err = regexp.Compile(*d.Pattern); err != nil {
			r.fail(p.To("pattern"), "%v", err)
		}
	}
	r.checkValue(p, d, &v)
	for _, field := range slices.Sorted(maps.Keys(d.Has)) {
		v.has = append(v.has, condition{field: field, want: d.Has[field]})
	}
	return v
}

// checkValue makes sure that the fields of a description fit the form of the values.
func (r *reader) checkValue(p yamlfile.Path, d *valueDoc, v *value) {
	uuids, texts := v.form == UUIDValue || v.form == UUIDBytes, v.form == TextValue || v.form == AnyValue
	for _, one := range []struct {
		field string
		given bool
		fits  bool
		only  string
	}{
		{"version", d.Version != nil, uuids, "UUIDs"},
		{"bytes", d.Bytes != nil, v.form == Base64Value, "base64"},
		{"pattern", d.Pattern != nil, texts, "text and any"},
		{"after", d.After != nil, v.form == ProtobufValue, "protobuf"},
		{"snappy", d.Snappy != nil, v.form == ProtobufValue, "protobuf"},
		{"only", d.Only != nil, v.form == JSONValue, "JSON"},
		{"has", d.Has != nil, v.form == JSONValue || v.form == ProtobufValue || v.form == TextValue, "JSON, protobuf and text"},
	} {
		if one.given && !one.fits {
			r.fail(p.To(one.field), "%s is for values that are %s", one.field, one.only)
		}
	}
	if v.form == Base64Value && d.Bytes == nil {
		r.fail(p, "base64 needs bytes: how many bytes the value encodes")
	}
}

// checkConditions reads what the fields of a value have to be.
func (r *reader) checkConditions(p yamlfile.Path, v *value, n names) {
	n.value = nil
	for i := range v.has {
		c := &v.has[i]
		at := p.To(c.field)
		if !v.hasField(c.field) {
			r.fail(at, "%s values have no field %s: there are %s", v.form, c.field, strings.Join(v.fieldNames(), ", "))
		}
		if c.want == wantAnything || c.want == wantLease || c.want == "" {
			continue
		}
		c.is = r.template(at, &c.want, n)
	}
}

func (r *reader) number(p yamlfile.Path, s *string) int {
	if s == nil {
		return 0
	}
	n, err := strconv.Atoi(*s)
	if err != nil || n < 1 || n > maxValue {
		r.fail(p, "%q is not a number from 1 to %d", *s, maxValue)
	}
	return n
}

func (r *reader) owner(p yamlfile.Path, d map[string]string, n names) owner {
	var o owner
	parts := map[string]*template{"host": &o.host, "pid": &o.pid, "program": &o.program, "label": &o.label, "time": &o.time}
	for _, name := range slices.Sorted(maps.Keys(d)) {
		to, ok := parts[name]
		if !ok {
			r.fail(p.To(name), "an owner has host, pid, program, label and time, and no %s", name)
			continue
		}
		s := d[name]
		*to = r.template(p.To(name), &s, n)
	}
	return o
}

func (r *reader) info(p yamlfile.Path, d infoDoc, rule *Rule) info {
	if d.Key == nil || len(rule.keys) == 0 {
		r.fail(p, "info needs key: the key that the owner is in")
		return info{}
	}
	n := rule.keys[0].namesIn()
	out := info{key: r.template(p.To("key"), d.Key, n), value: r.value(p.To("value"), d.Value)}
	n.words = append(n.words, "key")
	r.checkConditions(p.To("value", "has"), &out.value, n)
	n.value = &out.value
	out.owner = r.owner(p.To("owner"), d.Owner, n)
	return out
}

// readHolders reads what the value of a lock says about who holds it.
func (r *reader) readHolders(p yamlfile.Path, d ruleDoc, rule *Rule) {
	if (rule.Kind == Record) != (d.Record != nil) {
		r.fail(p, "record is for layouts of kind record, which need it")
		return
	}
	if (rule.Kind == Semaphore) != (d.Semaphore != nil) {
		r.fail(p, "semaphore is for layouts of kind semaphore, which need it")
		return
	}
	if rule.Kind == Permits && rule.value.form != OwnerValue {
		r.fail(p.To("value"), "values of a layout of kind permits are those of package rwlock: is: etcd-lock")
	}
	if d.Record != nil {
		rule.record = r.record(p.To("record"), d.Record, &rule.value)
	}
	if d.Semaphore != nil {
		if d.Semaphore.Holders == nil || rule.value.form != JSONValue {
			r.fail(p.To("semaphore"), "a semaphore needs holders: the field of a JSON object that lists them")
		}
		rule.slots = slots{total: r.field(p.To("semaphore", "total"), d.Semaphore.Total, &rule.value)}
		rule.slots.holders = r.field(p.To("semaphore", "holders"), d.Semaphore.Holders, &rule.value)
	}
}

func (r *reader) record(p yamlfile.Path, d *recordDoc, v *value) record {
	if d.Holder == nil {
		r.fail(p, "a record needs holder: the field that names the holder")
	}
	out := record{
		holder:   r.field(p.To("holder"), d.Holder, v),
		renewed:  r.field(p.To("renewed"), d.Renewed, v),
		acquired: r.field(p.To("acquired"), d.Acquired, v),
	}
	if fixed, err := time.ParseDuration(deref(d.Duration)); err == nil && fixed > 0 {
		out.fixed = fixed
		return out
	}
	out.duration = r.field(p.To("duration"), d.Duration, v)
	return out
}

// field reads the name of a field of a value.
func (r *reader) field(p yamlfile.Path, s *string, v *value) string {
	if s != nil && !v.hasField(*s) {
		r.fail(p, "%s values have no field %s: there are %s", v.form, *s, strings.Join(v.fieldNames(), ", "))
	}
	return deref(s)
}

func (r *reader) release(p yamlfile.Path, d *releaseDoc, rule *Rule) Release {
	switch {
	case d != nil:
	case rule.Kind.isQueue():
		return Release{How: Revoke}
	case rule.Kind == Record || rule.Kind == Semaphore:
		return Release{How: Refuse, Why: "its value says who holds it"}
	default:
		return Release{How: Delete}
	}
	out := Release{How: word(r, p.To("how"), d.How, "", hows...), Why: deref(d.Why), Dead: d.Dead}
	switch {
	case (out.How == Advise) != (d.Command != nil):
		r.fail(p, "command is for how: advise, which needs it")
	case d.Look != nil && out.How != Advise:
		r.fail(p.To("look"), "look is for how: advise")
	case (d.Look != nil) != (len(d.Dead) > 0):
		r.fail(p, "look and dead go together: what to look at first where the holder may be dead, and what is so then")
	case out.How == Refuse && out.Why == "":
		r.fail(p, "how: refuse needs why")
	case out.How == Revoke && !rule.Kind.isQueue():
		r.fail(p.To("how"), "the lease of a lock of kind %s may have other keys: delete, advise or refuse", rule.Kind)
	}
	out.command = r.command(p.To("command"), d.Command, rule)
	out.look = r.command(p.To("look"), d.Look, rule)
	return out
}

// command reads a command about a lock, if there is one.
func (r *reader) command(p yamlfile.Path, text *string, rule *Rule) template {
	if text == nil {
		return nil
	}
	n := names{words: []string{"lock"}}
	if len(rule.keys) > 0 {
		n = rule.keys[0].namesIn()
	}
	if printable.Text(*text) != *text {
		r.fail(p, "a command is a line of printable text without backslashes")
	}
	return r.template(p, text, n)
}
