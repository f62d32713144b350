package layout

import (
	"strings"

	"etcd-lock/internal/printable"
)

// template is text with {names} of captures and of fields of a value in it.
type template []piece

// piece is literal text or a name.
type piece struct {
	literal string
	name    string
	last    bool // only the last segment of the text
}

// parseTemplate parses a template. {{ is a brace, and {name:last} the last segment.
func parseTemplate(text string) (template, error) {
	var t template
	err := splitBraces(text,
		func(literal string) { t = append(t, piece{literal: literal}) },
		func(inner string) error {
			name, last := strings.CutSuffix(inner, ":last")
			t = append(t, piece{name: name, last: last})
			return nil
		})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// scope has the texts of the names in a template.
type scope struct {
	pattern  *pattern // of the captures; may be nil
	captures captures // in here, and not behind a pointer, so that they are not on the heap
	fields   fields
	lock     string // the name of the lock, if it is known already
	key      string // the key of a request for it
	shell    bool   // quote the texts, as words of a shell
}

// get returns the text of a name: a capture, a field of the value, the lock, or the
// key.
func (s *scope) get(name string) (string, bool) {
	if s.pattern != nil {
		if i := s.pattern.index(name); i >= 0 {
			return s.captures[i], true
		}
	}
	if text, ok := s.fields.get(name); ok {
		return text, true
	}
	switch {
	case name == "lock" && s.lock != "":
		return s.lock, true
	case name == "key" && s.key != "":
		return s.key, true
	}
	return "", false
}

// render returns the text; not ok if a name has none.
func (t template) render(s *scope) (string, bool) {
	if len(t) == 1 {
		return t[0].render(s)
	}
	var b strings.Builder
	for i := range t {
		text, ok := t[i].render(s)
		if !ok {
			return "", false
		}
		b.WriteString(text)
	}
	return b.String(), true
}

func (p *piece) render(s *scope) (string, bool) {
	if p.name == "" {
		return p.literal, true
	}
	text, ok := s.get(p.name)
	if p.last {
		text = text[strings.LastIndexByte(text, '/')+1:]
	}
	if s.shell && ok {
		return shellWord(text)
	}
	return text, ok
}

// shellWord returns a text as a word of a shell. It is not ok for texts that a program could
// take for an option, and for those that stay what they are only as long as nothing that
// shows the command escapes it.
func shellWord(text string) (word string, ok bool) {
	if strings.HasPrefix(text, "-") || strings.Contains(text, "\x00") {
		return "", false
	}
	word = printable.Shell(text)
	return word, printable.Text(word) == word
}

// names returns the names in a template.
func (t template) names() []string {
	var names []string
	for _, p := range t {
		if p.name != "" {
			names = append(names, p.name)
		}
	}
	return names
}
