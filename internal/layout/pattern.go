package layout

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// captureKind says what a capture of a pattern takes.
type captureKind uint8

const (
	segment   captureKind = iota // some bytes without a slash
	maybe                        // the same, or nothing
	anything                     // any bytes, none too
	hexID                        // an integer, as etcd writes leases: in hexadecimal digits, negative ones too
	decimalID                    // an integer
	base64URL                    // a segment that is text in base64, of which the capture is the text
)

var captureKinds = map[string]captureKind{"": segment, "*": maybe, "**": anything, "hex": hexID, "decimal": decimalID, "base64url": base64URL}

const (
	// maxCaptures bounds the captures of a pattern.
	maxCaptures = 6
	// maxPattern bounds the text of a pattern, in bytes.
	maxPattern = 1 << 10
)

// part is a piece of a pattern: literal text or a capture.
type part struct {
	literal string
	capture string // its name; empty for literal text
	kind    captureKind
}

// pattern matches whole keys. At most one capture takes any bytes. The parts before it
// are matched from the key's start; the parts after it begin at a slash that is found by
// counting from the key's end. So a match takes time in proportion to the key, and there
// is at most one.
type pattern struct {
	text  string
	parts []part
	wide  int // index of the part that takes any bytes; -1 without one
	tail  int // slashes after it
}

// captures is what the captures of a pattern took, by the index of their parts.
type captures [2*maxCaptures + 1]string

// parsePattern parses a pattern: text with captures such as {name}, {name:**} and
// {lease:hex}. {{ is a brace.
func parsePattern(text string) (pattern, error) {
	p := pattern{text: text, wide: -1}
	err := splitBraces(text,
		func(literal string) { p.parts = append(p.parts, part{literal: literal}) },
		func(inner string) error {
			capture, err := parseCapture(inner)
			p.parts = append(p.parts, capture)
			return err
		})
	if err != nil {
		return p, err
	}
	return p, p.check()
}

// splitBraces passes the text outside of braces, in which {{ is a brace, and what is inside
// of them, in their order.
func splitBraces(text string, outside func(string), inside func(string) error) error {
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			outside(literal.String())
			literal.Reset()
		}
	}
	for {
		before, rest, found := strings.Cut(text, "{")
		literal.WriteString(before)
		if !found {
			flush()
			return nil
		}
		if after, ok := strings.CutPrefix(rest, "{"); ok {
			literal.WriteByte('{')
			text = after
			continue
		}
		inner, after, ok := strings.Cut(rest, "}")
		if !ok {
			return errors.New("a { without a }: write {{ for a brace")
		}
		flush()
		if err := inside(inner); err != nil {
			return err
		}
		text = after
	}
}

func parseCapture(text string) (part, error) {
	name, word, _ := strings.Cut(text, ":")
	kind, ok := captureKinds[word]
	if !ok {
		return part{}, fmt.Errorf("{%s}: what a capture takes is *, **, hex, decimal, base64url or, without a word, one segment", text)
	}
	if !isName(name) {
		return part{}, fmt.Errorf("{%s}: the name of a capture is lower-case letters, digits and dashes", text)
	}
	return part{capture: name, kind: kind}, nil
}

// isName reports whether a word is lower-case letters, digits and dashes.
func isName(word string) bool {
	for _, c := range []byte(word) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return word != "" && word[0] != '-'
}

// check finds where the pattern cannot be matched in one way only.
func (p *pattern) check() error {
	switch {
	case len(p.parts) == 0:
		return errors.New("an empty pattern matches no key")
	case len(p.text) > maxPattern:
		return fmt.Errorf("a pattern has at most %d bytes", maxPattern)
	}
	seen := map[string]bool{}
	var here []part // the captures in one segment
	for i, part := range p.parts {
		if part.capture == "" {
			if strings.Contains(part.literal, "/") {
				here = nil
			}
			continue
		}
		here = append(here, part)
		switch {
		case len(seen) == maxCaptures:
			return fmt.Errorf("more than %d captures", maxCaptures)
		case seen[part.capture]:
			return fmt.Errorf("{%s} twice", part.capture)
		case i > 0 && p.parts[i-1].capture != "":
			return fmt.Errorf("no text between {%s} and {%s}: where one ends is not known", p.parts[i-1].capture, part.capture)
		case len(here) > 2:
			return fmt.Errorf("{%s}, {%s} and {%s} are in one segment: two can be", here[0].capture, here[1].capture, part.capture)
		case len(here) == 2 && (here[0].kind == base64URL || part.kind == base64URL):
			return fmt.Errorf("{%s} and {%s}: base64url takes a whole segment", here[0].capture, part.capture)
		case part.kind == anything && p.wide >= 0:
			return fmt.Errorf("{%s:**} and {%s:**}: only one capture can take any bytes", p.parts[p.wide].capture, part.capture)
		case part.kind == anything:
			p.wide = i
		}
		seen[part.capture] = true
	}
	if p.wide < 0 {
		return nil
	}
	return p.checkTail()
}

// checkTail makes sure that where the tail of the pattern begins can be found.
func (p *pattern) checkTail() error {
	captures := false
	for _, part := range p.parts[p.wide+1:] {
		p.tail += strings.Count(part.literal, "/")
		captures = captures || part.capture != ""
	}
	if captures && !strings.Contains(p.parts[p.wide+1].literal, "/") {
		return fmt.Errorf("the text after {%s:**} has to have a slash in it, or to be the end of the pattern", p.parts[p.wide].capture)
	}
	return nil
}

// match matches a key, and fills in what the captures took.
func (p *pattern) match(key string, c *captures) bool {
	if p.wide < 0 {
		return p.matchParts(key, 0, len(p.parts), c)
	}
	end, ok := p.tailStart(key)
	if !ok {
		return false
	}
	start := 0
	if p.wide > 0 {
		if start, ok = p.matchHead(key[:end], c); !ok {
			return false
		}
	}
	c[p.wide] = key[start:end]
	return p.matchParts(key[end:], p.wide+1, len(p.parts), c)
}

// tailStart returns where in a key the tail of the pattern begins.
func (p *pattern) tailStart(key string) (int, bool) {
	if p.wide == len(p.parts)-1 {
		return len(key), true
	}
	first := p.parts[p.wide+1].literal
	if p.tail == 0 {
		return len(key) - len(first), strings.HasSuffix(key, first)
	}
	slash := len(key)
	for range p.tail {
		if slash = strings.LastIndexByte(key[:slash], '/'); slash < 0 {
			return 0, false
		}
	}
	start := slash - strings.IndexByte(first, '/')
	return start, start >= 0 && strings.HasPrefix(key[start:], first)
}

// matchHead matches the parts before the one that takes any bytes.
func (p *pattern) matchHead(key string, c *captures) (end int, ok bool) {
	rest := key
	for i := 0; i < p.wide; {
		if i, rest, ok = p.matchPart(rest, i, p.wide, c); !ok {
			return 0, false
		}
	}
	return len(key) - len(rest), true
}

// matchParts matches the parts from first on, up to last, with all of a text.
func (p *pattern) matchParts(text string, first, last int, c *captures) bool {
	for i := first; i < last; {
		var ok bool
		if i, text, ok = p.matchPart(text, i, last, c); !ok {
			return false
		}
	}
	return text == ""
}

// matchPart matches the i-th part with the beginning of a text, and the part two after it
// too if both are captures in one segment. It returns the part that follows. Of the ways
// to divide a segment between two captures, it takes that in which the first is longest.
func (p *pattern) matchPart(text string, i, last int, c *captures) (next int, rest string, ok bool) {
	part := &p.parts[i]
	if part.capture == "" {
		rest, ok = strings.CutPrefix(text, part.literal)
		return i + 1, rest, ok
	}
	body, rest := text, ""
	if slash := strings.IndexByte(text, '/'); slash >= 0 {
		body, rest = text[:slash], text[slash:]
	}
	if i+1 == len(p.parts) {
		return last, rest, p.take(i, body, c)
	}
	literal, _, slash := strings.Cut(p.parts[i+1].literal, "/")
	if slash || i+2 == len(p.parts) {
		body, ok = strings.CutSuffix(body, literal)
		return i + 1, text[len(body):], ok && p.take(i, body, c)
	}
	if i+2 == p.wide {
		at := p.split(body, literal, i, -1, c)
		return i + 1, text[max(at, 0):], at >= 0
	}
	suffix := ""
	if i+3 < len(p.parts) {
		suffix, _, _ = strings.Cut(p.parts[i+3].literal, "/")
	}
	if body, ok = strings.CutSuffix(body, suffix); !ok {
		return 0, "", false
	}
	return i + 3, text[len(body):], p.split(body, literal, i, i+2, c) >= 0
}

// split divides a text between two captures around a literal text, and returns where that
// is, or -1. Without a second capture, anything can be after it.
func (p *pattern) split(body, literal string, first, second int, c *captures) int {
	for end := len(body); ; {
		at := strings.LastIndex(body[:end], literal)
		if at < 0 {
			return -1
		}
		if p.take(first, body[:at], c) && (second < 0 || p.take(second, body[at+len(literal):], c)) {
			return at
		}
		end = at + len(literal) - 1
	}
}

// take lets a capture take a text, if it can.
func (p *pattern) take(i int, text string, c *captures) bool {
	part := &p.parts[i]
	if text == "" && part.kind != maybe || !part.accepts(text) {
		return false
	}
	if part.kind == base64URL {
		decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
		if err != nil {
			return false
		}
		text = string(decoded)
	}
	c[i] = text
	return true
}

// accepts reports whether a capture can take a text.
func (p *part) accepts(text string) bool {
	if p.kind != hexID && p.kind != decimalID {
		return true
	}
	text = strings.TrimPrefix(text, "-")
	if text == "" || len(text) > 20 {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if (c < '0' || c > '9') && (p.kind == decimalID || c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// index returns the index of a capture's part, or -1.
func (p *pattern) index(capture string) int {
	for i, part := range p.parts {
		if part.capture == capture && capture != "" {
			return i
		}
	}
	return -1
}

// literals returns how many bytes of literal text the pattern has.
func (p *pattern) literals() int {
	n := 0
	for _, part := range p.parts {
		n += len(part.literal)
	}
	return n
}
