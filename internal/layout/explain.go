package layout

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Verdict is what a rule says about a key, and why.
type Verdict struct {
	Rule      *Rule
	Named     bool       // the key matches a pattern of the rule
	Matched   bool       // and it has the evidence that the rule wants
	Decides   bool       // of the rules that match, this one counts: it says what the key is
	Candidate *Candidate // the key is that, by the rule's candidates; nil if it is about its keys
	Evidence  []string   // what the rule takes as evidence, if it matches: whole clauses, in which what is from etcd is printable
	Problem   string     // why the rule does not match: such a clause
}

// Explain returns what each rule says about a key: first the one that decides what the key
// is, then the others that match, then those whose pattern matches the key, then the rest.
// A rule that decides may be one that ignores keys or is hidden; the key is no request
// then.
func (s *Set) Explain(kv KV, leases Leases) []Verdict {
	all := make([]Verdict, 0, len(s.rules))
	decided := false
	for _, r := range s.rules {
		v := r.verdict(kv, leases)
		v.Decides = v.Matched && !decided
		decided = decided || v.Matched
		all = append(all, v)
	}
	for _, c := range s.Find(kv, leases).Candidates {
		all = append(all, Verdict{
			Rule: c.Rule, Named: true, Matched: true, Candidate: &c,
			Evidence: append([]string{"the key matches " + c.Rule.candidates.key.text}, c.Rule.candidates.value.evidence()...),
		})
	}
	slices.SortStableFunc(all, func(a, b Verdict) int { return cmp.Compare(a.rank(), b.rank()) })
	return all
}

func (v Verdict) rank() int {
	switch {
	case v.Decides:
		return 0
	case v.Matched:
		return 1
	case v.Named:
		return 2
	default:
		return 3
	}
}

// verdict says what the rule makes of a key by the first of its patterns that matches, or
// else why none does.
func (r *Rule) verdict(kv KV, leases Leases) Verdict {
	v := Verdict{Rule: r}
	for i := range r.keys {
		k := &r.keys[i]
		sc := scope{pattern: &k.pattern}
		if !k.match(kv.Key, &sc.captures) {
			continue
		}
		v.Named = true
		m, problem := r.match(kv, i, leases)
		if problem != "" {
			v.Problem = problem
			continue
		}
		v.Matched, v.Problem = true, ""
		v.Evidence = r.evidenceFor(k, &sc, m, kv, leases)
		return v
	}
	if !v.Named {
		v.Problem = "the key does not match " + strings.Join(r.Patterns(), " or ")
	}
	return v
}

// evidenceFor lists what makes a key a request of the rule, strongest last.
func (r *Rule) evidenceFor(k *key, s *scope, m Match, kv KV, leases Leases) []string {
	all := []string{"the key matches " + k.text}
	if k.leaseID >= 0 {
		base := "hexadecimal"
		if k.base == 10 {
			base = "decimal"
		}
		all = append(all, "its last part is its own lease in "+base)
	}
	if m.Encrypted {
		return append(all, "the value begins with "+quoteRule(r.value.encrypted)+", so it is encrypted")
	}
	all = append(all, r.value.evidence()...)
	if r.sameLease != nil {
		s.fields, _ = r.value.read(kv.Value)
		sibling, _ := r.sameLease.render(s)
		if lease, ok := leases(sibling); ok && lease == kv.Lease {
			all = append(all, "the key "+quote(cutText(sibling))+" is on the same lease")
		} else {
			all = append(all, "there is a key "+quote(cutText(r.beside.begin(s)))+" beside it")
		}
	}
	return all
}

// evidence lists the properties of a value that was read.
func (v *value) evidence() []string {
	var all []string
	version := ""
	if v.version > 0 {
		version = " of version " + strconv.Itoa(v.version)
	}
	switch v.form {
	case EmptyValue:
		all = append(all, "the value is empty")
	case TextValue:
		all = append(all, "the value is a line of text")
		if v.pattern != nil {
			all[0] = "the value matches " + quoteRule(v.pattern.String())
		}
	case UUIDValue:
		all = append(all, "the value is a UUID"+version)
	case UUIDBytes:
		all = append(all, "the value is the 16 bytes of a UUID"+version)
	case Base64Value:
		all = append(all, "the value is "+strconv.Itoa(v.bytes)+" bytes in base64")
	case JSONValue:
		all = append(all, "the value is a JSON object")
	case ProtobufValue:
		all = append(all, "the value is a protobuf message")
		if v.after != "" {
			all[0] += " after " + quoteRule(v.after)
		}
	}
	for _, c := range v.has {
		all = append(all, c.evidence())
	}
	return all
}

func (c *condition) evidence() string {
	switch c.want {
	case wantAnything:
		return "the value has the field " + c.field
	case wantLease:
		return "the value's field " + c.field + " is the key's own lease"
	case "":
		return "the value's field " + c.field + " is empty"
	default:
		return "the value's field " + c.field + " is " + c.want
	}
}
