package layout

import (
	"iter"
	"slices"
	"strings"
)

// index finds the rules whose patterns a key can match, without trying all: by what the
// key begins with, or by one of its last segments. What a key costs does not depend on
// the number of rules that it does not match.
type index struct {
	prefixes []prefix // by text
	starts   map[start]span
	tails    [3]tail // by the last segment, the one before it, and the one before that
	hex      []entry // the last segment is hexadecimal digits
	decimal  []entry // it is decimal digits
	rest     []entry
}

// start is the first two bytes of prefixes: most keys begin with those of none.
type start [2]byte

// span is the prefixes from first on, before end, that have the same start.
type span struct{ first, end int }

// entry is a pattern of a rule: of its keys, by their index, or of one of the kinds below.
type entry struct {
	rule  *Rule
	order int
	key   int
}

// What a pattern is of, if not of a rule's keys.
const (
	candidateKey = -1
	besideKey    = -2
)

func (e entry) pattern() *pattern {
	switch e.key {
	case candidateKey:
		return &e.rule.candidates.key.pattern
	case besideKey:
		return &e.rule.beside.pattern
	default:
		return &e.rule.keys[e.key].pattern
	}
}

// prefix is the patterns that begin with a text.
type prefix struct {
	text    string
	entries []entry
	parent  int // the longest prefix of text in the index, or -1
}

// tail is patterns by a segment that is literal text.
type tail struct {
	entries map[string][]entry
	marks   uint64 // of the segments, as a set: most keys need no look-up
}

// mark returns a number from 0 to 63 that is the same for equal segments.
func mark(segment string) int {
	if segment == "" {
		return 0
	}
	return (len(segment) + 3*int(segment[0]) + 7*int(segment[len(segment)-1])) % 64
}

// add adds a pattern under the most selective of what it can be found by.
func (x *index) add(p *pattern, e entry) {
	if first := p.parts[0]; first.capture == "" && len(first.literal) > 1 {
		x.addPrefix(first.literal, e)
		return
	}
	last := p.lastSegments()
	for depth, s := range last {
		if len(s) == 1 && s[0].capture == "" && depth < len(x.tails) {
			x.tails[depth].add(s[0].literal, e)
			return
		}
	}
	if len(last) > 0 && len(last[0]) == 1 {
		switch last[0][0].kind {
		case hexID:
			x.hex = append(x.hex, e)
			return
		case decimalID:
			x.decimal = append(x.decimal, e)
			return
		}
	}
	x.rest = append(x.rest, e)
}

// lastSegments returns the segments of keys that the pattern says something about, from
// the last one on: each as its parts.
func (p *pattern) lastSegments() [][]part {
	var segments [][]part
	var current []part
	for i := len(p.parts) - 1; i >= 0 && i != p.wide; i-- {
		if p.parts[i].capture != "" {
			current = append([]part{p.parts[i]}, current...)
			continue
		}
		pieces := strings.Split(p.parts[i].literal, "/")
		for j := len(pieces) - 1; j >= 0; j-- {
			if pieces[j] != "" {
				current = append([]part{{literal: pieces[j]}}, current...)
			}
			if j > 0 {
				segments, current = append(segments, current), nil
			}
		}
	}
	return segments
}

func (t *tail) add(segment string, e entry) {
	if t.entries == nil {
		t.entries = map[string][]entry{}
	}
	t.entries[segment] = append(t.entries[segment], e)
	t.marks |= 1 << mark(segment)
}

func (t *tail) lookUp(segment string) []entry {
	if t.marks&(1<<mark(segment)) == 0 {
		return nil
	}
	return t.entries[segment]
}

func (x *index) addPrefix(text string, e entry) {
	i := slices.IndexFunc(x.prefixes, func(p prefix) bool { return p.text == text })
	if i < 0 {
		i = len(x.prefixes)
		x.prefixes = append(x.prefixes, prefix{text: text})
	}
	x.prefixes[i].entries = append(x.prefixes[i].entries, e)
}

// finish prepares the index for look-ups.
func (x *index) finish() {
	x.starts = map[start]span{}
	slices.SortFunc(x.prefixes, func(a, b prefix) int { return strings.Compare(a.text, b.text) })
	for i := range x.prefixes {
		parent := i - 1
		for parent >= 0 && !strings.HasPrefix(x.prefixes[i].text, x.prefixes[parent].text) {
			parent = x.prefixes[parent].parent
		}
		x.prefixes[i].parent = parent
		begin := start([]byte(x.prefixes[i].text[:2]))
		in, seen := x.starts[begin]
		if !seen {
			in.first = i
		}
		in.end = i + 1
		x.starts[begin] = in
	}
}

// lookUp yields the patterns that a key can match.
func (x *index) lookUp(key string) iter.Seq[entry] {
	return func(yield func(entry) bool) {
		_ = x.lookUpPrefix(key, yield) && x.lookUpTail(key, yield) && yieldAll(x.rest, yield)
	}
}

// lookUpPrefix looks at the last prefix that is not after the key: every prefix of the
// key is that one or a prefix of it.
func (x *index) lookUpPrefix(key string, yield func(entry) bool) bool {
	if len(key) < 2 {
		return true
	}
	in, ok := x.starts[start{key[0], key[1]}]
	if !ok {
		return true
	}
	i, found := slices.BinarySearchFunc(x.prefixes[in.first:in.end], key, func(p prefix, key string) int { return strings.Compare(p.text, key) })
	if i += in.first; !found {
		i--
	}
	if i < in.first {
		return true
	}
	for ; i >= 0; i = x.prefixes[i].parent {
		if strings.HasPrefix(key, x.prefixes[i].text) && !yieldAll(x.prefixes[i].entries, yield) {
			return false
		}
	}
	return true
}

func (x *index) lookUpTail(key string, yield func(entry) bool) bool {
	end := len(key)
	for depth := range x.tails {
		start := strings.LastIndexByte(key[:end], '/') + 1
		segment := key[start:end]
		if !yieldAll(x.tails[depth].lookUp(segment), yield) {
			return false
		}
		if depth == 0 && !x.lookUpID(segment, yield) {
			return false
		}
		if start == 0 {
			break
		}
		end = start - 1
	}
	return true
}

func (x *index) lookUpID(segment string, yield func(entry) bool) bool {
	hex, decimal := part{kind: hexID}, part{kind: decimalID}
	if len(x.hex) > 0 && hex.accepts(segment) && !yieldAll(x.hex, yield) {
		return false
	}
	return len(x.decimal) == 0 || !decimal.accepts(segment) || yieldAll(x.decimal, yield)
}

func yieldAll(entries []entry, yield func(entry) bool) bool {
	for _, e := range entries {
		if !yield(e) {
			return false
		}
	}
	return true
}
