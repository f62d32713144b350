package record

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"etcd-lock/internal/printable"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/scenario"
)

// naming chooses the names of locks and clients in a scenario.
type naming struct {
	anonymous bool
	clients   map[string]bool   // names in use
	locks     map[string]string // from locks in etcd to their names
	taken     map[string]bool   // names of locks in use
	segments  map[string]string // from segments of locks in etcd to their replacements
}

func newNaming(anonymous bool) *naming {
	return &naming{
		anonymous: anonymous,
		clients:   map[string]bool{},
		locks:     map[string]string{},
		taken:     map[string]bool{},
		segments:  map[string]string{},
	}
}

const (
	unknownClient = "client" // a client without a label and a program
	maxClientName = 48       // bytes, which leaves room for a number
)

// client returns an unused name made from the label or program of a client, such that the
// names of all its parts are unused, too; see partName.
func (n *naming) client(who string, parts int) string {
	if n.anonymous {
		who = ""
	}
	base := strings.Map(func(c rune) rune {
		if c < utf8.RuneSelf && scenario.IsName("a"+string(c)) {
			return c
		}
		return '-'
	}, who)
	base = strings.TrimLeft(base, "-_.")
	base = base[:min(len(base), maxClientName)]
	name := base
	if base == "" {
		base, name = unknownClient, unknownClient+"-1"
	}
	for i := 2; !n.takeClient(name, parts); i++ {
		name = fmt.Sprintf("%s-%d", base, i)
	}
	return name
}

// takeClient marks a name and those of its parts as used, if none of them was.
func (n *naming) takeClient(name string, parts int) bool {
	all := []string{name}
	for i := range parts {
		all = append(all, partName(name, i))
	}
	for _, a := range all {
		if n.clients[a] {
			return false
		}
	}
	for _, a := range all {
		n.clients[a] = true
	}
	return true
}

// partName returns the name of the ith part of a client: NAME-a to NAME-z, then NAME-aa
// and so on.
func partName(name string, i int) string {
	letters := ""
	for i++; i > 0; i = (i - 1) / 26 {
		letters = string(rune('a'+(i-1)%26)) + letters
	}
	return name + "-" + letters
}

// lock returns the name of the lock of a request: the one in etcd, unless a scenario
// cannot have it or it must not be disclosed.
func (n *naming) lock(o Observed) string {
	id := fmt.Sprint(o.Mutex, o.Mode == rwlock.Slot, o.Lock)
	if name, ok := n.locks[id]; ok {
		return name
	}
	name := o.Lock
	switch {
	case n.anonymous:
		name = n.replaced(name)
	case name == "":
		name = "mutex"
	case !utf8.ValidString(name):
		name = printable.Text(name) // YAML cannot represent it
	}
	for n.taken[name] {
		name += "+" // mostly of another layout
	}
	n.locks[id], n.taken[name] = name, true
	return name
}

// replaced replaces the segments of a name with numbers, the same segment always with
// the same number.
func (n *naming) replaced(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		if p == "" && len(parts) > 1 {
			continue
		}
		if n.segments[p] == "" {
			n.segments[p] = fmt.Sprintf("n%d", len(n.segments)+1)
		}
		parts[i] = n.segments[p]
	}
	return strings.Join(parts, "/")
}
