package config

import (
	"fmt"
	"strings"
	"unicode"
)

// Template is a command line with fields of a row in it.
type Template struct {
	words   [][]part
	shell   bool            // the only word is a script for sh
	anyText bool            // values may have any printable text
	typed   map[string]bool // fields that the user types
}

// part is text or, if that is empty, the value of a field.
type part struct{ text, field string }

// Line is a program with its arguments, ready to run.
type Line struct {
	Args []string // the program first
	Env  []string // as NAME=value, beside the environment of this process
}

// Fields are the names of the fields in the template, each once.
func (t Template) Fields() []string {
	var all []string
	seen := map[string]bool{}
	for _, w := range t.words {
		for _, p := range w {
			if p.field != "" && !seen[p.field] {
				all, seen[p.field] = append(all, p.field), true
			}
		}
	}
	return all
}

// Line returns what to run for a row. Values come from etcd, where anybody may have written
// them: each is part of one argument, whatever is in it, and is refused if it could mean
// more than itself to the program that gets it. A script gets values in variables.
func (t Template) Line(values map[string]string) (Line, error) {
	for _, f := range t.Fields() {
		if err := t.check(f, values[f]); err != nil {
			return Line{}, err
		}
	}
	if t.shell {
		return t.script(values), nil
	}
	var line Line
	for _, w := range t.words {
		var arg strings.Builder
		for _, p := range w {
			arg.WriteString(p.text + values[p.field])
		}
		if len(w) > 0 && w[0].field != "" && strings.HasPrefix(arg.String(), "-") {
			return Line{}, fmt.Errorf("%s begins with -, which a program would take for an option: %s", w[0].field, arg.String())
		}
		line.Args = append(line.Args, arg.String())
	}
	return line, nil
}

// variable is what a script reads a field from. The names of the environment of exec begin
// with ETCD_LOCK_, which would say that the program runs under a lock.
func variable(field string) string { return "ROW_" + strings.ToUpper(field) }

func (t Template) script(values map[string]string) Line {
	var script strings.Builder
	var line Line
	for _, p := range t.words[0] {
		if p.field == "" {
			script.WriteString(p.text)
			continue
		}
		script.WriteString(`"${` + variable(p.field) + `}"`)
	}
	for _, f := range t.Fields() {
		line.Env = append(line.Env, variable(f)+"="+values[f])
	}
	line.Args = []string{"sh", "-c", script.String()}
	return line
}

// plainSigns are the characters beside letters and digits that mean nothing to shells.
const plainSigns = "-_./:@%+=,"

// check refuses values that could mean more than themselves. What a user types is only
// checked for control characters.
func (t Template) check(field, value string) error {
	switch {
	case value == "" && !t.typed[field]:
		return fmt.Errorf("the row has no %s", field)
	case strings.ContainsFunc(value, func(c rune) bool { return !unicode.IsPrint(c) }):
		return fmt.Errorf("%s has control characters", field)
	case t.shell && strings.HasPrefix(value, "-"):
		return fmt.Errorf("%s begins with -, which a program would take for an option: %s", field, value)
	case t.typed[field] || t.anyText:
		return nil
	}
	for _, c := range value {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune(plainSigns, c) {
			return fmt.Errorf("%s has %q, which a shell could take for more than text: any-text: true in the configuration allows it", field, c)
		}
	}
	return nil
}
