package layout

import (
	"fmt"
	"strings"
)

// template is text with {names} of captures and of fields of a value in it.
type template []piece

// piece is literal text or a name.
type piece struct {
	literal string
	name    string
	last    bool // only the last segment of what the name stands for
}

// parseTemplate parses a template. {{ is a brace, and {name:last} the last segment.
func parseTemplate(text string) (template, error) {
	var t template
	literal := ""
	for text != "" {
		switch {
		case strings.HasPrefix(text, "{{"):
			literal, text = literal+"{", text[2:]
		case text[0] == '{':
			inner, after, ok := strings.Cut(text[1:], "}")
			if !ok {
				return nil, fmt.Errorf("a { without a }: write {{ for a brace")
			}
			if literal != "" {
				t = append(t, piece{literal: literal})
			}
			name, last := strings.CutSuffix(inner, ":last")
			t = append(t, piece{name: name, last: last})
			literal, text = "", after
		default:
			literal, text = literal+text[:1], text[1:]
		}
	}
	if literal != "" {
		t = append(t, piece{literal: literal})
	}
	return t, nil
}

// scope is what the names of a template stand for.
type scope struct {
	pattern  *pattern
	captures *captures
	fields   fields
	builtins map[string]string
}

func (s scope) get(name string) (string, bool) {
	if text, ok := s.builtins[name]; ok {
		return text, true
	}
	if s.pattern != nil {
		if i := s.pattern.index(name); i >= 0 {
			return s.captures[i], true
		}
	}
	if s.fields != nil {
		return s.fields.get(name)
	}
	return "", false
}

// render returns the text; not ok if a name stands for nothing.
func (t template) render(s scope) (string, bool) {
	var b strings.Builder
	for _, p := range t {
		if p.name == "" {
			b.WriteString(p.literal)
			continue
		}
		text, ok := s.get(p.name)
		if !ok {
			return "", false
		}
		if p.last {
			text = text[strings.LastIndexByte(text, '/')+1:]
		}
		b.WriteString(text)
	}
	return b.String(), true
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
