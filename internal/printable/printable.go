// Package printable makes text that came from etcd safe to show. Keys, values
// and owners are written by anybody, so none of their control characters may
// reach a terminal.
package printable

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Text returns s with every rune that is not printable, every invalid byte and
// every backslash written as a Go escape. The result is one line, and two
// different strings never look alike through it.
func Text(s string) string { return escape(s, true) }

// Escaped is Text for what has been through it in part: it leaves backslashes as they are.
func Escaped(s string) string { return escape(s, false) }

func escape(s string, backslashes bool) string {
	if clean(s, backslashes) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			b.WriteString(`\x`)
			b.WriteByte("0123456789abcdef"[s[0]>>4])
			b.WriteByte("0123456789abcdef"[s[0]&15])
		case (r != '\\' || !backslashes) && unicode.IsPrint(r):
			b.WriteString(s[:n])
		default:
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		}
		s = s[n:]
	}
	return b.String()
}

func clean(s string, backslashes bool) bool {
	for i, r := range s {
		if r >= ' ' && r < 0x7f && r != '\\' { // most are
			continue
		}
		if r == '\\' && backslashes || !unicode.IsPrint(r) {
			return false
		}
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return false
			}
		}
	}
	return true
}

// JSON returns the JSON document b with every rune that a terminal could act
// on escaped, or b itself if it has none. encoding/json leaves DEL, the C1 controls and the bidirectional
// overrides as they are; all of them can only stand inside strings, where a
// \u escape means the same.
func JSON(b []byte) []byte {
	var out bytes.Buffer
	done := 0 // of b, that is in out
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf && b[i] != 0x7f {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if !unicode.IsPrint(r) || n == 1 {
			out.Write(b[done:i])
			writeEscaped(&out, r)
			done = i + n
		}
		i += n
	}
	if done == 0 {
		return b
	}
	out.Write(b[done:])
	return out.Bytes()
}

func writeEscaped(out *bytes.Buffer, r rune) {
	for _, u := range utf16.AppendRune(nil, r) {
		const hex = "0123456789abcdef"
		out.WriteString(`\u`)
		out.Write([]byte{hex[u>>12], hex[u>>8&15], hex[u>>4&15], hex[u&15]})
	}
}
