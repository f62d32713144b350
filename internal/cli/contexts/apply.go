// Package contexts has the connection follow a context of the configuration file, and is
// what the command contexts does: it lists contexts, and checks the file.
package contexts

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"etcd-lock/internal/config"
	"etcd-lock/internal/hint"
)

// Identity are the flags that say which etcd it is and who asks: they are about one etcd,
// and a context says all of them.
func Identity() []string {
	return []string{
		"endpoints", "cacert", "cert", "key", "user", "password", "password-file", "auth-jwt-token", "insecure-transport",
		"insecure-skip-tls-verify", "discovery-srv", "discovery-srv-name", "insecure-discovery", "embedded",
	}
}

// Chosen is which contexts a command is about.
type Chosen struct {
	Name    string   // of the one; empty: none, or several
	Named   bool     // by a flag or a variable, and not only in the file
	Several []string // in the order in which they were named; nil: at most one
}

// Has reports whether a command is about a context.
func (c Chosen) Has(name string) bool { return name == c.Name || slices.Contains(c.Several, name) }

// Choose returns which contexts a command is about: those of --context, or else of the
// variable ETCD_LOCK_CONTEXT, or else the one of the file, unless etcd is named otherwise.
func Choose(file config.File, flag, variable string, otherwise bool) (Chosen, error) {
	named := cmp.Or(flag, variable)
	switch {
	case named == "" && otherwise:
		return Chosen{}, nil
	case named == "":
		return Chosen{Name: file.Context}, nil
	}
	var names []string
	for name := range strings.SplitSeq(named, ",") {
		name = strings.TrimSpace(name)
		if _, ok := file.Find(name); !ok {
			return Chosen{}, unknown(file, name)
		}
		if slices.Contains(names, name) {
			return Chosen{}, fmt.Errorf("context %s is named twice", name)
		}
		names = append(names, name)
	}
	if len(names) > 1 {
		return Chosen{Named: true, Several: names}, nil
	}
	return Chosen{Name: names[0], Named: true}, nil
}

// unknown returns the error of a context that there is none of.
func unknown(file config.File, name string) error {
	err := fmt.Errorf("there is no context %q", name)
	switch {
	case file.Path == "":
		return hint.Add(err, "there is no configuration file: docs/config.md describes it; --config names one")
	case len(file.Contexts) == 0:
		return hint.Add(err, file.Path+" has none")
	default:
		return hint.Add(err, file.Path+" has "+strings.Join(file.Names(), ", "))
	}
}

// Apply sets the flags that were not given to what a context says. A login that was given
// replaces the one of the context as a whole.
func Apply(fs *pflag.FlagSet, c config.Context) error {
	login := fs.Changed("user") || fs.Changed("auth-jwt-token")
	for _, f := range c.Flags {
		switch {
		case fs.Changed(f.Name), f.Name == "discovery-srv" && fs.Changed("endpoints"):
			continue
		case f.Name == "user" && login, f.Name == "password-file" && (login || fs.Changed("password")):
			continue
		}
		for _, value := range f.Values {
			if err := fs.Lookup(f.Name).Value.Set(value); err != nil {
				return fmt.Errorf("context %s: %s: %w", c.Name, f.Name, err)
			}
		}
	}
	if !fs.Changed("read-only") {
		return fs.Lookup("read-only").Value.Set(fmt.Sprint(c.ReadOnly))
	}
	return nil
}

// Copy gives flags of a set that were given to another set, without some.
func Copy(to, from *pflag.FlagSet, without []string) error {
	var failed error
	from.Visit(func(f *pflag.Flag) {
		if to.Lookup(f.Name) == nil || slices.Contains(without, f.Name) || failed != nil {
			return
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, v := range values {
			if err := to.Set(f.Name, v); err != nil && failed == nil {
				failed = err
			}
		}
	})
	return failed
}
