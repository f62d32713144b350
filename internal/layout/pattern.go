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

// maxCaptures bounds the captures of a pattern.
const maxCaptures = 6

// part is a piece of a pattern: literal text or a capture.
type part struct {
	literal string
	capture string // its name; empty for literal text
	kind    captureKind
}

// pattern matches whole keys. At most one capture takes any bytes. What is before it is
// matched from the key's start; what is after it begins at a slash that is found by
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
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			p.parts = append(p.parts, part{literal: literal.String()})
			literal.Reset()
		}
	}
	for rest := text; rest != ""; {
		switch {
		case strings.HasPrefix(rest, "{{"):
			literal.WriteByte('{')
			rest = rest[2:]
		case rest[0] == '{':
			inner, after, ok := strings.Cut(rest[1:], "}")
			if !ok {
				return p, errors.New("a { without a }: write {{ for a brace")
			}
			capture, err := parseCapture(inner)
			if err != nil {
				return p, err
			}
			flush()
			p.parts = append(p.parts, capture)
			rest = after
		default:
			literal.WriteByte(rest[0])
			rest = rest[1:]
		}
	}
	flush()
	return p, p.check()
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
	if len(p.parts) == 0 {
		return errors.New("an empty pattern matches no key")
	}
	seen := map[string]bool{}
	for i, part := range p.parts {
		if part.capture == "" {
			continue
		}
		switch {
		case len(seen) == maxCaptures:
			return fmt.Errorf("more than %d captures", maxCaptures)
		case seen[part.capture]:
			return fmt.Errorf("{%s} twice", part.capture)
		case i > 0 && p.parts[i-1].capture != "":
			return fmt.Errorf("no text between {%s} and {%s}: where one ends is not known", p.parts[i-1].capture, part.capture)
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
	for i := range p.wide {
		if rest, ok = p.matchPart(rest, i, p.wide+1, c); !ok {
			return 0, false
		}
	}
	return len(key) - len(rest), true
}

// matchParts matches the parts from first on, up to last, with all of a text.
func (p *pattern) matchParts(text string, first, last int, c *captures) bool {
	for i := first; i < last; i++ {
		var ok bool
		if text, ok = p.matchPart(text, i, last, c); !ok {
			return false
		}
	}
	return text == ""
}

// matchPart matches a part with the beginning of a text. A capture takes as much of the
// segment as the literal text after it leaves.
func (p *pattern) matchPart(text string, i, last int, c *captures) (rest string, ok bool) {
	part := &p.parts[i]
	if part.capture == "" {
		return strings.CutPrefix(text, part.literal)
	}
	taken, rest := text, ""
	if slash := strings.IndexByte(text, '/'); slash >= 0 {
		taken, rest = text[:slash], text[slash:]
	}
	if i+1 < last && p.parts[i+1].capture == "" {
		before, _, _ := strings.Cut(p.parts[i+1].literal, "/")
		if before != "" {
			at := strings.LastIndex(taken, before)
			if at < 0 {
				return "", false
			}
			rest = text[at:]
			taken = taken[:at]
		}
	}
	if taken == "" && part.kind != maybe || !part.accepts(taken) {
		return "", false
	}
	if part.kind == base64URL {
		decoded, err := base64.URLEncoding.WithPadding(base64.NoPadding).DecodeString(strings.TrimRight(taken, "="))
		if err != nil {
			return "", false
		}
		taken = string(decoded)
	}
	c[i] = taken
	return rest, true
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
