// Package lockclass folds the names of locks into classes: /orders/4711 and /orders/4712
// are both of the class /orders/*. What is counted by class stays small, however many
// locks there are.
package lockclass

import (
	"fmt"
	"regexp"
	"strings"

	"etcd-lock/internal/layout"
)

// Rules say which class a lock is of. The zero value folds by the form of names alone.
type Rules struct{ patterns []layout.Glob }

// Parse returns rules by which a name that matches one of the patterns, such as
// /shards/*/leader or /tenants/**, is of the class that is written like the first of them.
// In a pattern, * is a segment or a part of one, and ** any number of segments.
func Parse(patterns []string) (Rules, error) {
	var r Rules
	for _, text := range patterns {
		glob, err := layout.ParseGlob(text)
		if err != nil {
			return Rules{}, fmt.Errorf("class %q: %w", text, err)
		}
		r.patterns = append(r.patterns, glob)
	}
	return r, nil
}

var (
	// ids are UUIDs, with or without hyphens, and other runs of at least eight hex digits.
	ids = regexp.MustCompile(`(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b[0-9a-f]{8,}\b`)
	// numbers are words of digits, several in a row for dates and versions, with their times.
	numbers = regexp.MustCompile(`\b[0-9]+(?:[-.:T]+[0-9]+)*Z?\b`)
)

// Of returns the class of a lock. Without a pattern of the user's it is the name in which
// each number, date, UUID or other ID in hexadecimal digits is replaced by *. A class is
// not a name: there may be a lock that is called like it.
func (r Rules) Of(name string) string {
	for _, p := range r.patterns {
		if p.Match(name) {
			return p.String()
		}
	}
	if !strings.ContainsAny(name, "0123456789") {
		return name
	}
	if !strings.ContainsAny(name, "-.:T") {
		return foldWords(name)
	}
	return foldAny(name)
}

// foldWords is foldAny for a name without the characters that join numbers, in a tenth of
// the time.
func foldWords(name string) string {
	folded := make([]byte, 0, len(name))
	for i := 0; i < len(name); {
		end := i
		for end < len(name) && isWord(name[end]) {
			end++
		}
		switch word := name[i:end]; {
		case end == i:
			folded = append(folded, name[i])
			end++
		case isNumber(word) || isID(word):
			folded = append(folded, '*')
		default:
			folded = append(folded, word...)
		}
		i = end
	}
	return string(folded)
}

// isWord reports whether a byte is of a word; an underscore ends one.
func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func isNumber(word string) bool {
	digits := strings.TrimSuffix(word, "Z")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

func isID(word string) bool {
	return len(word) >= 8 && strings.Trim(word, "0123456789abcdefABCDEF") == "" && strings.ContainsAny(word, "0123456789")
}

// foldAny replaces IDs and numbers.
func foldAny(name string) string {
	pieces := strings.Split(name, "_") // which counts as a letter for \b
	for i, piece := range pieces {
		pieces[i] = numbers.ReplaceAllString(ids.ReplaceAllStringFunc(piece, foldID), "*")
	}
	return strings.Join(pieces, "_")
}

// foldID keeps words, such as "feedface".
func foldID(id string) string {
	if strings.ContainsAny(id, "0123456789") {
		return "*"
	}
	return id
}
