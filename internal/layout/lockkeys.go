package layout

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"etcd-lock/internal/keyspace"
)

// LockKeys returns a rule for each pattern of keys that are locks while they exist. In a
// pattern, * is a segment or a part of one, and ** is any number of segments. The owner is
// the value, if that is a line of text. The rules have the names lock-keys, lock-keys-2
// and so on.
func LockKeys(patterns ...string) ([]*Rule, error) {
	rules := make([]*Rule, 0, len(patterns))
	for i, text := range patterns {
		p, err := parseGlob(text)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		r := &Rule{
			Name: "lock-keys", About: "keys that match " + text, Kind: Single, Release: Release{How: Delete},
			lease: leaseAny, value: value{form: AnyValue}, owner: owner{label: template{{name: "text"}}},
			keys: []key{{pattern: p, mode: keyspace.Write, whole: true, leaseID: -1}},
		}
		if i > 0 {
			r.Name += "-" + strconv.Itoa(i+1)
		}
		r.keys[0].named = &r.keys[0].pattern
		rules = append(rules, r)
	}
	return rules, nil
}

// Glob is a pattern of names or keys in which * is a segment or a part of one, and ** any
// number of segments.
type Glob struct{ pattern pattern }

// ParseGlob parses a pattern. It needs some text beside * and **.
func ParseGlob(text string) (Glob, error) {
	p, err := parseGlob(text)
	return Glob{p}, err
}

// Match reports whether the whole of a name matches.
func (g Glob) Match(name string) bool {
	var c captures
	return g.pattern.match(name, &c)
}

// String returns the pattern.
func (g Glob) String() string { return g.pattern.text }

// parseGlob parses a pattern with * and **.
func parseGlob(text string) (p pattern, err error) {
	switch {
	case len(text) > maxPattern:
		return p, fmt.Errorf("a pattern has at most %d bytes", maxPattern)
	case strings.Contains(text, "***"):
		return p, errors.New("*** is neither * nor **")
	case strings.Count(text, "**") > 1:
		return p, errors.New("only one ** can be in a pattern")
	case strings.Count(strings.ReplaceAll(text, "**", "*"), "*") > maxCaptures:
		return p, fmt.Errorf("more than %d * are in the pattern", maxCaptures)
	case strings.Trim(text, "*/") == "":
		return p, errors.New("it would match everything: it needs some text")
	}
	for segment := range strings.SplitSeq(text, "/") {
		if strings.Count(strings.ReplaceAll(segment, "**", "*"), "*") > 2 {
			return p, errors.New("more than two * are in one segment")
		}
	}
	p = pattern{text: text, wide: -1}
	for rest := text; rest != ""; {
		literal, after, found := strings.Cut(rest, "*")
		if literal != "" {
			p.parts = append(p.parts, part{literal: literal})
		}
		if !found {
			break
		}
		star := part{capture: strconv.Itoa(len(p.parts)), kind: segment}
		if after, found = strings.CutPrefix(after, "*"); found {
			star.kind = anything
		}
		p.parts = append(p.parts, star)
		rest = after
	}
	if err := p.check(); err != nil {
		return p, errors.New("between ** and the next * there has to be a slash")
	}
	return p, nil
}
