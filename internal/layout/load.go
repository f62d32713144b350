package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Extra is the layouts of a user, beside the built-in ones.
type Extra struct {
	Files    []string // of rules
	Default  string   // a file of rules that need not exist; empty: none
	LockKeys []string // patterns of keys that are locks while they exist
	Hidden   bool     // hidden layouts are shown
}

// Load returns the built-in layouts and those of a user. An error says which file, and
// where in it.
func (e Extra) Load() (*Set, error) {
	rules, err := LockKeys(e.LockKeys...)
	if err != nil {
		return nil, fmt.Errorf("lock keys: %w", err)
	}
	if e.Default != "" {
		more, err := ReadFile(e.Default)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		rules = append(rules, more...)
	}
	for _, file := range e.Files {
		more, err := ReadFile(file)
		if err != nil {
			return nil, err
		}
		rules = append(rules, more...)
	}
	s, err := With(rules...)
	if err != nil {
		return nil, err
	}
	if e.Hidden {
		s = s.WithHidden()
	}
	return s, nil
}

// Patterns returns the patterns of the rule's keys.
func (r *Rule) Patterns() []string {
	var all []string
	for _, k := range r.keys {
		all = append(all, k.text)
	}
	return all
}

// ReadFile reads the rules in a file.
func ReadFile(file string) ([]*Rule, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("layouts: %w", err)
	}
	return Parse(file, data)
}
