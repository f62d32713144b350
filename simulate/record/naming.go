package record

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"etcd-lock/internal/printable"

	"etcd-lock/simulate/scenario"
)

// naming gives locks and clients of a recording their names in the scenario.
type naming struct {
	anonymous bool
	clients   map[string]bool   // the names that are taken
	locks     map[string]string // by what they are in etcd
	taken     map[string]bool   // by locks
	segments  map[string]string // of names of locks, by what they are in etcd
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
	nameless  = "client" // a client that says nothing of itself
	maxClient = 48       // bytes of a client's name, which leaves room for numbers
)

// client is a name that no other client has, nor any of its lanes, made of what
// a session says of itself.
func (n *naming) client(who string, lanes int) string {
	if n.anonymous {
		who = ""
	}
	base := strings.Map(func(c rune) rune {
		if c < utf8.RuneSelf && scenario.NameFormat.MatchString("a"+string(c)) {
			return c
		}
		return '-'
	}, who)
	base = strings.TrimLeft(base, "-_.")
	base = base[:min(len(base), maxClient)]
	name := base
	if base == "" {
		base, name = nameless, nameless+"-1"
	}
	for i := 2; !n.takeClient(name, lanes); i++ {
		name = fmt.Sprintf("%s-%d", base, i)
	}
	return name
}

// takeClient takes a name and those of its lanes, if all of them are free.
func (n *naming) takeClient(name string, lanes int) bool {
	all := []string{name}
	for i := range lanes {
		all = append(all, name+laneName(i))
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

// laneName is -a to -z, then -aa and so on.
func laneName(i int) string {
	name := ""
	for i++; i > 0; i = (i - 1) / 26 {
		name = string(rune('a'+(i-1)%26)) + name
	}
	return "-" + name
}

// lock is the name of what a request is for: as it is in etcd, unless that cannot
// be, or must not be known.
func (n *naming) lock(o Observed) string {
	id := fmt.Sprint(o.Mutex, o.Lock)
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
		name = printable.Text(name) // YAML cannot say it
	}
	for n.taken[name] {
		name += "+" // of another layout, mostly
	}
	n.locks[id], n.taken[name] = name, true
	return name
}

// replaced is a name whose segments are numbers: the same one for the same
// segment, wherever it stands.
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
