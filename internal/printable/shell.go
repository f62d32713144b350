package printable

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Shell returns words as a line that a shell reads as those words. It is
// printable as it is, and must not go through Text. Words with control
// characters or invalid bytes take a quoting that bash, zsh and ksh know and
// plain sh does not. A word must not have a NUL, which no shell can say.
func Shell(words ...string) string {
	quoted := make([]string, 0, len(words))
	for _, w := range words {
		quoted = append(quoted, shellWord(w))
	}
	return strings.Join(quoted, " ")
}

func shellWord(w string) string {
	switch {
	case w == "":
		return "''"
	case strings.IndexFunc(w, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 || !utf8.ValidString(w):
		return shellEscaped(w)
	case strings.IndexFunc(w, special) < 0 && w[0] != '=': // zsh reads =ls as the path of ls
		return w
	default:
		return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
	}
}

// special reports whether a shell may take r for more than itself.
func special(r rune) bool {
	return !strings.ContainsRune("%+,-./:=@_", r) && (r < utf8.RuneSelf && !unicode.IsLetter(r) && !unicode.IsDigit(r) || unicode.IsSpace(r))
}

func shellEscaped(w string) string {
	var b strings.Builder
	b.WriteString("$'")
	for len(w) > 0 {
		r, n := utf8.DecodeRuneInString(w)
		switch {
		case r == '\'' || r == '\\':
			b.WriteString(`\` + w[:n])
		case unicode.IsPrint(r) && (r != utf8.RuneError || n > 1):
			b.WriteString(w[:n])
		default:
			for _, c := range []byte(w[:n]) { // octal has three digits at most, so no digit after it joins in
				fmt.Fprintf(&b, `\%03o`, c)
			}
		}
		w = w[n:]
	}
	b.WriteString("'")
	return b.String()
}
