package widget

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"etcd-lock/internal/format"
)

// filter selects the rows of a table: those of which all terms hold.
type filter[R any] struct {
	text  string
	terms []func(R) bool
	odd   string // why a term that looks like one of a field is not; empty: none does
}

// shows reports whether a row is shown.
func (f filter[R]) shows(r R) bool {
	for _, holds := range f.terms {
		if !holds(r) {
			return false
		}
	}
	return true
}

// parse parses a filter: words that the texts of a row contain, FIELD:WORD for the texts
// of one field, and FIELD>NUMBER for a number or a time, with <, = or two of these too. A
// word after ~ is a regular expression; a filter that begins with it is one as a whole.
// With ! in front, a term selects all other rows. Case matters if a word has a capital
// letter.
func (t *Table[K, R]) parse(text string) (filter[R], error) {
	f := filter[R]{text: text}
	words := strings.Fields(text)
	if strings.HasPrefix(strings.TrimPrefix(text, "!"), "~") {
		words = []string{text}
	}
	for _, word := range words {
		word, inverse := strings.CutPrefix(word, "!")
		f.odd = cmp.Or(f.odd, t.odd(word))
		holds, err := t.term(word)
		switch {
		case err != nil:
			return filter[R]{}, err
		case holds == nil: // it is still being typed
		case inverse:
			f.terms = append(f.terms, func(r R) bool { return !holds(r) })
		default:
			f.terms = append(f.terms, holds)
		}
	}
	return f, nil
}

// term parses a term of a filter. It returns nil for one that is incomplete.
func (t *Table[K, R]) term(word string) (func(R) bool, error) {
	texts := t.texts
	if i := strings.IndexAny(word, ":<>="); i > 0 {
		name, rest := t.Named(word[:i]), word[i:]
		column := slices.IndexFunc(t.cols, func(c Column[R]) bool { return c.name() == name })
		field, isField := t.Fields[name]
		switch value, isText := strings.CutPrefix(rest, ":"); {
		case isText && isField:
			texts, word = field, value
		case isText && column >= 0:
			texts, word = t.cols[column].texts, value
		case !isText && column >= 0 && t.cols[column].Number != nil:
			return numberTerm(rest, t.cols[column].Number)
		}
	}
	match, err := newMatcher(word)
	if match == nil {
		return nil, err
	}
	return func(r R) bool {
		for text := range texts(r) {
			if match(text) {
				return true
			}
		}
		return false
	}, nil
}

// odd says why a term that looks like one of a field is looked for as text; empty: it is not.
func (t *Table[K, R]) odd(word string) string {
	i := strings.IndexAny(word, ":<>=")
	if i <= 0 || !isField(word[:i]) {
		return ""
	}
	name := t.Named(word[:i])
	known, numbers := slices.Collect(maps.Keys(t.Fields)), false
	for _, c := range t.cols {
		numbers = numbers || c.name() == name && c.Number != nil
		if isField(c.name()) {
			known = append(known, c.name())
		}
	}
	switch {
	case numbers:
		return ""
	case slices.Contains(known, name) && word[i] == ':':
		return ""
	case slices.Contains(known, name):
		return name + " is no number to compare, so that was looked for as text"
	}
	slices.Sort(known)
	return "there is no field " + name + ", so that was looked for as text; fields: " + strings.Join(slices.Compact(known), ", ")
}

// isField reports whether a text could be the name of a field.
func isField(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// texts are what a word is looked for in.
func (t *Table[K, R]) texts(r R) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(t.Match(r)) {
			return
		}
		for _, c := range t.cols {
			if c.Brief != nil && !yield(c.Brief(r)) {
				return
			}
		}
		if t.More != nil {
			t.More(r)(yield)
		}
	}
}

// texts are what the column says of a row, in much room and in little.
func (c Column[R]) texts(r R) iter.Seq[string] {
	return func(yield func(string) bool) {
		if yield(c.text(r)) && c.Brief != nil {
			yield(c.Brief(r))
		}
	}
}

func (c Column[R]) text(r R) string {
	if c.Text != nil {
		return c.Text(r)
	}
	return c.Cell(r, WholeWidth).Text
}

// newMatcher returns nil for a word that is empty.
func newMatcher(word string) (func(string) bool, error) {
	fold := !strings.ContainsFunc(word, unicode.IsUpper)
	expr, isExpr := strings.CutPrefix(word, "~")
	switch {
	case expr == "":
		return nil, nil //nolint:nilnil // it is still being typed
	case isExpr:
		if fold {
			expr = "(?i)" + expr
		}
		re, err := regexp.Compile(expr)
		if err != nil {
			return nil, err
		}
		return re.MatchString, nil
	}
	contains := func(s string) bool { return strings.Contains(s, word) }
	if fold {
		contains = func(s string) bool { return strings.Contains(strings.ToLower(s), word) }
	}
	return orLease(word, contains), nil
}

// orLease returns what also matches texts with the lease that a word is the ID of, in whatever
// way etcdctl writes it: texts have it in one way.
func orLease(word string, contains func(string) bool) func(string) bool {
	var leases []string
	for _, id := range format.Leases(word) {
		if written := format.Lease(id); !strings.HasSuffix(written, word) { // else contains finds it
			leases = append(leases, written)
		}
	}
	if len(leases) == 0 {
		return contains
	}
	return func(s string) bool {
		return contains(s) || slices.ContainsFunc(leases, func(written string) bool { return strings.Contains(s, written) })
	}
}

// numberTerm parses a comparison, such as >=10 or <5m. A row whose number is not known
// does not match.
func numberTerm[R any](rest string, number func(R) (float64, bool)) (func(R) bool, error) {
	operator := rest[:1]
	if strings.HasPrefix(rest[1:], "=") {
		operator = rest[:2]
	}
	text := rest[len(operator):]
	if text == "" {
		return nil, nil //nolint:nilnil // it is still being typed
	}
	limit, err := strconv.ParseFloat(text, 64)
	if err != nil {
		limit, err = parseAge(text)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is not a number or a time (2d3h)", text)
	}
	compare := map[string]func(n float64) bool{
		">": func(n float64) bool { return n > limit }, ">=": func(n float64) bool { return n >= limit },
		"<": func(n float64) bool { return n < limit }, "<=": func(n float64) bool { return n <= limit },
		"=": func(n float64) bool { return n == limit }, "==": func(n float64) bool { return n == limit },
	}[operator]
	return func(r R) bool {
		n, known := number(r)
		return known && compare(n)
	}, nil
}

// parseAge returns the seconds of a time as Go has it, or as format.Age prints it.
func parseAge(text string) (float64, error) {
	var seconds float64
	for _, unit := range []struct {
		name string
		days float64
	}{{"y", 365}, {"d", 1}} {
		number, rest, ok := strings.Cut(text, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return 0, err
		}
		seconds += n * unit.days * (24 * time.Hour).Seconds()
		if text = rest; text == "" {
			return seconds, nil
		}
	}
	d, err := time.ParseDuration(text)
	return seconds + d.Seconds(), err
}
