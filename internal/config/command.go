package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"etcd-lock/internal/yamlfile"
)

// Command is a program that a key runs for the row under the cursor.
type Command struct {
	Key        string
	Name       string   // in a word or two, for the help
	Screens    []string // on which the key works
	Contexts   []string // in which; empty: in all, and without one
	Run        Template
	Prompts    []Prompt
	Confirm    bool // it is shown before it runs
	Dangerous  bool // it changes something: not where nothing may be written, and never unasked
	Background bool // it does not get the terminal
	At         yamlfile.Path
}

// Prompt asks for a value before a command runs.
type Prompt struct{ Name, Label, Default string }

type commandDoc struct {
	Key        *string     `yaml:"key"`
	Name       *string     `yaml:"name"`
	Screens    []string    `yaml:"screens"`
	Contexts   []string    `yaml:"contexts"`
	Run        *string     `yaml:"run"`
	Shell      *bool       `yaml:"shell"`
	AnyText    *bool       `yaml:"any-text"`
	Prompts    []promptDoc `yaml:"prompts"`
	Confirm    *bool       `yaml:"confirm"`
	Dangerous  *bool       `yaml:"dangerous"`
	Background *bool       `yaml:"background"`
}

type promptDoc struct {
	Name    *string `yaml:"name"`
	Label   *string `yaml:"label"`
	Default *string `yaml:"default"`
}

// rowScreens are the screens whose rows are locks, requests or sessions.
func rowScreens() []string { return []string{"locks", "lock", "sessions", "session", "problems"} }

func (r *reader) commands(docs []commandDoc, f File) []Command {
	var all []Command
	for i, d := range docs {
		p := yamlfile.Path{"commands", i}
		c := Command{
			Key: deref(d.Key), Name: deref(d.Name), Screens: d.Screens, Contexts: d.Contexts, At: p,
			Confirm: isSet(d.Confirm), Dangerous: isSet(d.Dangerous), Background: isSet(d.Background),
		}
		r.key(p.To("key"), c.Key)
		if strings.TrimSpace(c.Name) == "" {
			r.fail(p.To("name"), "a command needs a name, for the help")
		}
		r.printable(p.To("name"), c.Name)
		if len(c.Screens) == 0 {
			c.Screens = rowScreens()
		}
		for j, s := range d.Screens {
			if !slices.Contains(rowScreens(), s) {
				r.fail(p.To("screens", j), "%q is none of the screens that commands work on: %s", s, strings.Join(rowScreens(), ", "))
			}
		}
		for j, name := range d.Contexts {
			if _, ok := f.Find(name); !ok {
				r.fail(p.To("contexts", j), "there is no context %q", name)
			}
		}
		c.Prompts = r.prompts(p, d.Prompts)
		c.Run = r.template(p.To("run"), d, c.Prompts)
		all = append(all, c)
	}
	return all
}

var promptName = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)

func (r *reader) prompts(p yamlfile.Path, docs []promptDoc) []Prompt {
	var all []Prompt
	for i, d := range docs {
		at := p.To("prompts", i)
		q := Prompt{Name: deref(d.Name), Label: deref(d.Label), Default: deref(d.Default)}
		switch {
		case !promptName.MatchString(q.Name):
			r.fail(at.To("name"), "a prompt needs a name that begins with a capital letter, such as Reason")
		case slices.Contains(Fields(), q.Name), slices.ContainsFunc(all, func(other Prompt) bool { return other.Name == q.Name }):
			r.fail(at.To("name"), "the name %s is taken", q.Name)
		}
		r.printable(at.To("label"), q.Label)
		r.printable(at.To("default"), q.Default)
		if q.Label == "" {
			q.Label = q.Name
		}
		all = append(all, q)
	}
	return all
}

// Fields are the values that a row can have.
func Fields() []string {
	return []string{"Context", "Endpoints", "Lock", "Layout", "Mode", "Key", "Lease", "Owner", "Host", "PID", "Program", "Label"}
}

// template reads what a command runs.
func (r *reader) template(p yamlfile.Path, d commandDoc, prompts []Prompt) Template {
	t := Template{shell: isSet(d.Shell), anyText: isSet(d.AnyText), typed: map[string]bool{}}
	known := Fields()
	for _, q := range prompts {
		known = append(known, q.Name)
		t.typed[q.Name] = true
	}
	words := []string{deref(d.Run)}
	if !t.shell {
		var err error
		if words, err = splitWords(deref(d.Run)); err != nil {
			r.fail(p, "%v", err)
		}
	}
	for _, w := range words {
		parts, err := splitParts(w, known)
		if err != nil {
			r.fail(p, "%v", err)
		}
		t.words = append(t.words, parts)
	}
	switch {
	case r.err != nil:
	case len(words) == 0 || strings.TrimSpace(words[0]) == "":
		r.fail(p, "a command needs a program to run, such as ssh {{.Host}} -- ps -fp {{.PID}}")
	case t.words[0][0].field != "", !t.shell && len(t.words[0]) > 1:
		r.fail(p, "the program must be named here, and not come from a row: %s", words[0])
	}
	return t
}

// splitWords splits a command line at spaces that are not in quotes. In quotes, nothing
// has a meaning but the quote that ends them.
func splitWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	quote, begun := rune(0), false
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, begun = c, true
		case quote == 0 && (c == ' ' || c == '\t' || c == '\n'):
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(c)
			begun = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote %c is not closed", quote)
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}

var placeholder = regexp.MustCompile(`\{\{\.([A-Za-z0-9]+)\}\}`)

// splitParts splits a word into text and fields.
func splitParts(word string, known []string) ([]part, error) {
	var parts []part
	rest := word
	for rest != "" {
		at := placeholder.FindStringSubmatchIndex(rest)
		if at == nil {
			parts = append(parts, part{text: rest})
			break
		}
		if at[0] > 0 {
			parts = append(parts, part{text: rest[:at[0]]})
		}
		field := rest[at[2]:at[3]]
		if !slices.Contains(known, field) {
			return nil, fmt.Errorf("there is no {{.%s}}: one of %s", field, strings.Join(known, ", "))
		}
		parts, rest = append(parts, part{field: field}), rest[at[1]:]
	}
	if slices.ContainsFunc(parts, func(p part) bool { return strings.Contains(p.text, "{{") || strings.Contains(p.text, "}}") }) {
		return nil, fmt.Errorf("%s: a value is written as {{.Host}}, without spaces", word)
	}
	return parts, nil
}

// printable checks a text that is shown.
func (r *reader) printable(p yamlfile.Path, text string) {
	if strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }) {
		r.fail(p, "it has characters that cannot be shown")
	}
}
