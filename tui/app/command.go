package app

import (
	"slices"
	"strings"

	"etcd-lock/tui/nav"
	"etcd-lock/tui/term"
)

// command is something that can be typed after a colon.
type command struct {
	name     string
	args     string // in capitals, for people; empty: none
	about    string
	off      string          // why it does nothing here, which is said when it is typed in full; empty: it works
	complete func() []string // what its argument may be; nil: nothing is known
	run      func(arg string) nav.Action
}

// runCommand runs the typed command. An unambiguous prefix of its name is enough.
func runCommand(commands []command, text string) nav.Action {
	name, arg, _ := strings.Cut(strings.TrimSpace(text), " ")
	if name == "" {
		return nil
	}
	var found []command
	for _, c := range commands {
		if c.name == name {
			found = []command{c}
			break
		}
		if c.off == "" && strings.HasPrefix(c.name, name) {
			found = append(found, c)
		}
	}
	switch len(found) {
	case 0:
		return nav.Fail("no command " + name + "; :help lists them")
	case 1:
		if found[0].off != "" {
			return nav.Fail(name + ": " + found[0].off)
		}
		return found[0].run(strings.TrimSpace(arg))
	default:
		return nav.Fail(name + " could be " + commandNames(found))
	}
}

func commandNames(commands []command) string {
	var names []string
	for _, c := range commands {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}

// completions returns the texts that complete the command line.
func completions(commands []command, text string) []string {
	name, arg, hasArg := strings.Cut(text, " ")
	var all []string
	for _, c := range commands {
		switch {
		case c.off != "":
		case !hasArg && strings.HasPrefix(c.name, name):
			all = append(all, c.name)
		case hasArg && c.name == name && c.complete != nil:
			for _, a := range c.complete() {
				if strings.HasPrefix(term.Safe(a), arg) {
					all = append(all, name+" "+term.Safe(a))
				}
			}
		}
	}
	return slices.Compact(all)
}
