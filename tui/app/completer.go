package app

import (
	"etcd-lock/tui/widget"
)

// completer cycles through the completions of a line.
type completer struct {
	offers     []string // completions of the command line
	candidates []string // that tab cycles through; nil: not yet
	at         int
}

// offer completes the text as far as all candidates agree, else with the first.
func (c *completer) offer(in *widget.Input, candidates []string) {
	c.candidates, c.at = candidates, -1
	if common := commonPrefix(c.candidates); len(common) > len(in.Text()) {
		in.Set(common)
		if len(c.candidates) > 1 {
			c.candidates = nil
		}
		return
	}
	c.next(in)
}

// next completes the text with the next candidate.
func (c *completer) next(in *widget.Input) {
	if len(c.candidates) > 0 {
		c.at = (c.at + 1) % len(c.candidates)
		in.Set(c.candidates[c.at])
	}
}

func commonPrefix(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	prefix := []rune(texts[0])
	for _, t := range texts[1:] {
		n := 0
		for _, r := range t {
			if n == len(prefix) || prefix[n] != r {
				break
			}
			n++
		}
		prefix = prefix[:n]
	}
	return string(prefix)
}
