package config

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"etcd-lock/internal/yamlfile"
)

// Key gives a key of the terminal UI other names.
type Key struct {
	Screen string   // on which; Everywhere: on all
	From   string   // as the documentation calls it
	To     []string // the keys that do the same instead; empty: none does
	At     yamlfile.Path
}

// Everywhere stands for all screens.
const Everywhere = "everywhere"

// none is the word for a key that does nothing.
const none = "none"

// Screens are the names of the screens, in the order of their numbers.
func Screens() []string {
	return []string{"locks", "sessions", "problems", "clients", "scenarios", "past", "events", "hot", "lock", "session", "history", "description", "commands", "notifications"}
}

func (r *reader) keys(doc map[string]map[string]string) []Key {
	var all []Key
	for _, screen := range slices.Sorted(maps.Keys(doc)) {
		if screen != Everywhere && !slices.Contains(Screens(), screen) {
			r.fail(yamlfile.Path{"keys", screen}, "there is no screen %q: one of %s, %s", screen, Everywhere, strings.Join(Screens(), ", "))
		}
		for _, from := range slices.Sorted(maps.Keys(doc[screen])) {
			k := Key{Screen: screen, From: from, At: yamlfile.Path{"keys", screen, from}}
			r.key(k.At, from)
			if to := doc[screen][from]; to != none {
				k.To = strings.Fields(to)
				if len(k.To) == 0 {
					r.fail(k.At, "a key is missing: the name of one, or %s", none)
				}
			}
			for _, name := range k.To {
				r.key(k.At, name)
			}
			all = append(all, k)
		}
	}
	return all
}

// key checks the name of a key.
func (r *reader) key(p yamlfile.Path, name string) {
	if !IsKey(name) {
		r.fail(p, "%q is no key: a character, such as e or E, or one of %s, with ctrl+, alt+ or shift+ in front", name, strings.Join(namedKeys(), ", "))
	}
	if is := sameKey(name); is != "" {
		r.fail(p, "terminals send the same for %s and %s: only the latter is a name of it", name, is)
	}
	if name == "ctrl+c" {
		r.fail(p, "ctrl+c always quits")
	}
}

// sameKey returns the name of a key that most terminals do not tell from one of another name;
// empty if there is none.
func sameKey(name string) string {
	switch letter, ctrl := strings.CutPrefix(name, "ctrl+"); {
	case !ctrl || len(letter) != 1:
		return ""
	case letter == "i":
		return "tab"
	case letter == "m":
		return "enter"
	case letter == "[":
		return "esc"
	case letter != strings.ToLower(letter):
		return "ctrl+" + strings.ToLower(letter)
	default:
		return ""
	}
}

// IsKey reports whether a key can have that name.
func IsKey(name string) bool {
	shifted := false
	for _, mod := range []string{"ctrl+", "alt+", "shift+"} { // in which order they are named
		rest, ok := strings.CutPrefix(name, mod)
		if ok && rest != "" {
			name, shifted = rest, mod == "shift+"
		}
	}
	if slices.Contains(namedKeys(), name) {
		return true
	}
	c, size := utf8.DecodeRuneInString(name)
	return size > 0 && size == len(name) && c != utf8.RuneError && unicode.IsPrint(c) && c != ' ' && !shifted
}

// namedKeys are the keys that are no characters.
func namedKeys() []string {
	return []string{
		"enter", "esc", "tab", "space", "backspace", "delete", "insert", "up", "down", "left", "right", "home", "end", "pgup", "pgdown",
		"f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "f10", "f11", "f12",
	}
}
