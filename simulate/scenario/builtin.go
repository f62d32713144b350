package scenario

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"sync"
)

// ErrUnknown is returned for a name that no built-in scenario has.
var ErrUnknown = errors.New("simulate: unknown scenario")

//go:embed scenarios/*.yaml
var files embed.FS

// Builtin returns the built-in scenarios, sorted by name. They are shared and must not
// be changed.
func Builtin() []*Scenario { return builtin() }

// builtin parses files that are part of the program: a broken one is a bug, which the
// first test finds.
var builtin = sync.OnceValue(func() []*Scenario {
	entries, err := files.ReadDir("scenarios")
	if err != nil {
		panic(err)
	}
	all := make([]*Scenario, 0, len(entries))
	for _, e := range entries {
		file := path.Join("scenarios", e.Name())
		data, err := files.ReadFile(file)
		if err != nil {
			panic(err)
		}
		sc, err := Parse(file, data)
		if err != nil {
			panic(err)
		}
		all = append(all, sc)
	}
	return all
})

// Find returns the built-in scenario of that name, or ErrUnknown.
func Find(name string) (*Scenario, error) {
	for _, sc := range Builtin() {
		if sc.Name == name {
			return sc, nil
		}
	}
	return nil, fmt.Errorf("%w %q", ErrUnknown, name)
}

// Open returns the built-in scenario of that name or, if there is none, reads the
// scenario from the file of that name. If there is no file either, the error is ErrUnknown.
func Open(name string) (*Scenario, error) {
	sc, err := Find(name)
	if err == nil {
		return sc, nil
	}
	data, err := os.ReadFile(name)
	switch {
	case err == nil:
		return Parse(name, data)
	case errors.Is(err, os.ErrNotExist):
		return nil, unknownError(fmt.Sprintf("unknown scenario %q: neither a file nor one of %s", name, strings.Join(builtinNames(), ", ")))
	default:
		return nil, err
	}
}

// unknownError is an ErrUnknown in its own words.
type unknownError string

func (e unknownError) Error() string { return string(e) }

// Is implements errors.Is.
func (unknownError) Is(target error) bool { return target == ErrUnknown }

func builtinNames() []string {
	var names []string
	for _, sc := range Builtin() {
		names = append(names, sc.Name)
	}
	return names
}
