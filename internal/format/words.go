package format

import (
	"context"
	"regexp"
	"strconv"
	"strings"
)

// Count returns n with its noun, as in "1 lock" and "2 locks".
func Count[N int | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatInt(int64(n), 10) + " " + many
}

// List joins words as a sentence does, as in "a, b and c". The conjunction is
// "and" or "or".
func List[T ~string](words []T, conjunction string) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i > 0 && i == len(words)-1:
			b.WriteString(" " + conjunction + " ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(string(w))
	}
	return b.String()
}

// Waiters returns a number of waiters, or of holders, or "?" if it is not known.
func Waiters(n int, known bool) string {
	if !known {
		return "?"
	}
	return strconv.Itoa(n)
}

// Some is List for at most so many words: it counts the rest, as in "a, b, c and
// 5 more". It counts no single word, which takes no more room than its count.
func Some(words []string, most int) string {
	return SomeOf(len(words), most, func(i int) string { return words[i] })
}

// SomeOf is Some for n words of which only those are made that it names.
func SomeOf(n, most int, word func(i int) string) string {
	named := n
	if n-most > 1 {
		named = most
	}
	words := make([]string, 0, named+1)
	for i := range named {
		words = append(words, word(i))
	}
	if named < n {
		words = append(words, strconv.Itoa(n-named)+" more")
	}
	return List(words, "and")
}

// Dash returns s, or "-" for a cell that would be empty.
func Dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// Signs say without colours what something is, on every terminal.
const (
	SignHolding   = "●"
	SignWaiting   = "○"
	SignContended = "▲"
	SignCritical  = "✗"
	SignWarning   = "!"
	SignNotice    = "·"
)

// dialing is what gRPC says around the error of a connection.
var dialing = regexp.MustCompile(`(?:connection error: )?desc = "transport: Error while dialing: ([^"]*)"`)

// Plainly returns the text of an error without the packages that it and the errors in it are
// from, and in no words of Go's or gRPC's.
func Plainly(err error) string {
	s := err.Error()
	for _, of := range []string{"inspect: ", "release: ", "rwlock: "} {
		s = strings.ReplaceAll(strings.TrimPrefix(s, of), ": "+of, ": ")
	}
	s = dialing.ReplaceAllString(s, "$1")
	return strings.ReplaceAll(s, context.DeadlineExceeded.Error(), "no answer in time")
}
