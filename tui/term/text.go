// Package term is text on a terminal: made printable, measured, cut and padded by
// display width, and the words for ages, owners and errors.
package term

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/printable"
)

// Safe returns untrusted text as one printable line, of a width that is the same on all
// terminals: a cluster that is wider when counted rune by rune, such as
// an emoji with a skin tone, is written as escapes, or it would shift the
// columns after it.
func Safe(s string) string {
	if IsPlain(s) {
		return s
	}
	s = printable.Text(s)
	if ansi.StringWidth(s) == ansi.StringWidthWc(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		cluster, w := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
		if w == ansi.StringWidthWc(cluster) {
			b.WriteString(cluster)
		} else {
			q := strconv.QuoteToASCII(cluster)
			b.WriteString(q[1 : len(q)-1])
		}
		s = s[len(cluster):]
	}
	return b.String()
}

// IsPlain reports whether s is printable ASCII without a backslash. Most text is,
// and is checked for every frame.
func IsPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '\\' {
			return false
		}
	}
	return true
}

// Width is the display width of s. Most text is ASCII, signs and colours, and measured for
// every frame.
func Width(s string) int {
	w := 0
	for rest := s; rest != ""; {
		r, n := utf8.DecodeRuneInString(rest)
		switch {
		case r == ansi.ESC:
			if n = styleLen(rest); n == 0 {
				return ansi.StringWidth(s)
			}
		case (r < ' ' || r > '~') && !isSign(r):
			return ansi.StringWidth(s)
		default:
			w++
		}
		rest = rest[n:]
	}
	return w
}

// styleLen returns the length of the sequence that s begins with, if that sets a style.
func styleLen(s string) int {
	text, ok := strings.CutPrefix(s, "\x1b[")
	end := strings.TrimLeft(text, "0123456789;")
	if !ok || !strings.HasPrefix(end, "m") {
		return 0
	}
	return len(s) - len(end) + len("m")
}

// isSign reports whether r is one of the signs that are drawn most, each in a cell of its
// own.
func isSign(r rune) bool {
	return '─' <= r && r <= '▟' || r == '…' || r == '●' || r == '○' || r == '▲' || r == '≤' || r == '≥' || r == '·'
}

// Cut shortens s to a display width of w: after a word, if that leaves a third of the width.
func Cut(s string, w int) string {
	if w <= 0 {
		return ""
	}
	if Width(s) <= w {
		return s
	}
	return ansi.Truncate(s, lastWord(s, w), "…")
}

// lastWord returns the width in which s ends with a whole word and a cell for "…", or w, if
// that is less than a third of w or there are no words.
func lastWord(s string, w int) int {
	shown := ansi.Truncate(ansi.Strip(s), w, "") // the last cell is the one of "…"
	i := strings.LastIndexByte(shown, ' ')
	if i < 0 {
		return w
	}
	if end := Width(strings.TrimRight(shown[:i], " ")) + 2; end > w/3 {
		return min(end, w)
	}
	return w
}

// CutMiddle shortens s to a display width of w and keeps both of its ends:
// names mostly begin alike.
func CutMiddle(s string, w int) string {
	whole := Width(s)
	if whole <= w || w < 5 {
		return Cut(s, w)
	}
	head := ansi.Truncate(s, w/3, "")
	drop := whole - (w - Width(head) - 1)
	tail := ansi.TruncateLeft(s, drop, "…")
	if Width(head+tail) > w { // the cut went through a wide rune
		tail = ansi.TruncateLeft(s, drop+1, "…")
	}
	return head + tail
}

// Pad cuts or fills s to a display width of exactly w.
func Pad(s string, w int, right bool) string {
	width := Width(s)
	if width > w {
		s = Cut(s, w)
		width = Width(s)
	}
	fill := strings.Repeat(" ", max(w-width, 0))
	if right {
		return fill + s
	}
	return s + fill
}

// Beside puts two blocks of as many lines each next to each other, a space apart. Those of the
// left one are equally wide.
func Beside(left, right string) string {
	lines, others := strings.Split(left, "\n"), strings.Split(right, "\n")
	for i := range lines {
		lines[i] += " " + others[i]
	}
	return strings.Join(lines, "\n")
}

// Clip cuts a screen to w×h.
func Clip(content string, w, h int) string {
	lines := strings.Split(content, "\n")
	lines = lines[:min(len(lines), max(h, 0))]
	for i, l := range lines {
		lines[i] = Cut(l, w)
	}
	return strings.Join(lines, "\n")
}

// unbroken is in the place of a hyphen, after which lines would be broken: names of hosts
// and keys are read whole. It is of the private use area, which Safe does not let through.
const unbroken = "\ue02d"

// WithHyphens wraps a text so that no line is broken after a hyphen.
func WithHyphens(text string, wrap func(string) string) string {
	return strings.ReplaceAll(wrap(strings.ReplaceAll(text, "-", unbroken)), unbroken, "-")
}

// Wrap breaks a text into lines of w cells, each in a style. All of them begin where the
// first word does, behind spaces and a sign.
func Wrap(text string, w int, render func(...string) string) []string {
	first := beforeWords(text)
	rest := strings.Repeat(" ", Width(first))
	if w-len(rest) < 10 {
		first, rest = "", ""
	}
	whole := WithHyphens(text[len(first):], func(s string) string { return ansi.Wrap(s, max(w-len(rest), 10), "") })
	lines := strings.Split(whole, "\n")
	for i, l := range lines {
		lines[i] = render(first + l)
		first = rest
	}
	return lines
}

// beforeWords returns the spaces that a text begins with and the sign after them, such as "✗ ".
func beforeWords(text string) string {
	words := strings.TrimLeft(text, " ")
	if sign, after, found := strings.Cut(words, " "); found && utf8.RuneCountInString(sign) == 1 {
		if r, _ := utf8.DecodeRuneInString(sign); !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			words = after
		}
	}
	return text[:len(text)-len(words)]
}

// Widest returns the width of the widest line.
func Widest(lines []string) int {
	w := 0
	for _, l := range lines {
		w = max(w, Width(l))
	}
	return w
}

// Fill makes a body exactly h lines, so that what follows stays in its place.
func Fill(body string, h int) string {
	lines := strings.Split(body, "\n")
	for len(lines) < h {
		lines = append(lines, "")
	}
	return strings.Join(lines[:h], "\n")
}
