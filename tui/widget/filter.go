package widget

import (
	"regexp"
	"strings"
	"unicode"
)

// filter selects the rows of a table: those whose text contains the pattern or,
// after ~, matches it as a regular expression; with ! in front, all others. Case
// matters if the pattern has a capital letter.
type filter struct {
	text    string
	match   func(string) bool // nil: all
	inverse bool
}

// newFilter parses a filter. An empty pattern matches all.
func newFilter(text string) (filter, error) {
	f := filter{text: text}
	pattern, inverse := strings.CutPrefix(text, "!")
	f.inverse = inverse
	expr, isExpr := strings.CutPrefix(pattern, "~")
	if expr == "" {
		return f, nil
	}
	fold := !strings.ContainsFunc(pattern, unicode.IsUpper)
	if isExpr {
		if fold {
			expr = "(?i)" + expr
		}
		re, err := regexp.Compile(expr)
		if err != nil {
			return filter{}, err
		}
		f.match = re.MatchString
		return f, nil
	}
	f.match = func(s string) bool { return strings.Contains(s, pattern) }
	if fold {
		f.match = func(s string) bool { return strings.Contains(strings.ToLower(s), pattern) }
	}
	return f, nil
}

// shows reports whether a row with that text is shown.
func (f filter) shows(s string) bool {
	return f.match == nil || f.match(s) != f.inverse
}
