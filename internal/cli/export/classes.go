package export

import (
	"strings"
	"sync"
	"unicode/utf8"

	"etcd-lock/internal/lockclass"
)

const (
	otherClass   = "other"
	maxLabel     = 120     // bytes of a label's value
	maxRemember  = 100_000 // names whose classes are remembered
	truncateMark = "…"
)

// classes says by which label locks are counted. What it returns is bounded: once there
// are max classes, a lock of another class is counted as one of the class other.
type classes struct {
	rules lockclass.Rules
	max   int

	mu     sync.Mutex
	labels map[string]string // by name of a lock
	known  map[string]bool
	folded int // how often a new name was counted as other
}

// newClasses returns classes by patterns, which have series of their own in any case.
func newClasses(patterns []string, most int) (*classes, error) {
	rules, err := lockclass.Parse(patterns)
	if err != nil {
		return nil, err
	}
	c := &classes{rules: rules, max: most, labels: map[string]string{}, known: map[string]bool{}}
	for _, p := range patterns {
		c.known[label(p)] = true
	}
	return c, nil
}

// of returns the label of a lock.
func (c *classes) of(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l, ok := c.labels[name]; ok {
		return l
	}
	l := label(c.rules.Of(name))
	switch {
	case c.known[l]:
	case len(c.known) < c.max:
		c.known[l] = true
	default:
		l = otherClass
		c.folded++
	}
	if len(c.labels) >= maxRemember {
		clear(c.labels)
	}
	c.labels[strings.Clone(name)] = l
	return l
}

// counts returns how many classes there are, and how often a name was counted as other.
func (c *classes) counts() (known, folded int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.known), c.folded
}

// label returns a text from etcd as the value of a label: valid UTF-8 of bounded length.
func label(s string) string {
	if len(s) <= maxLabel && utf8.ValidString(s) {
		return s
	}
	s = strings.ToValidUTF8(s[:min(len(s), 2*maxLabel)], string(utf8.RuneError))
	if len(s) <= maxLabel {
		return s
	}
	n := maxLabel - len(truncateMark)
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + truncateMark
}
