package layout

import (
	_ "embed"
	"fmt"
)

//go:embed builtin.yaml
var builtinFile []byte

var builtin = mustSet(parseBuiltin())

// The layouts of etcd's own clients and of package rwlock.
var (
	// RWLock is <name>/read/<id> and <name>/write/<id>: package rwlock, etcd's
	// RWMutex recipe and the older etcd-lock library.
	RWLock = builtin.Rule("rwlock")
	// Mutex is <name>/<lease in hex>: etcd's concurrency.Mutex and Election,
	// etcdctl lock and elect, the v3lock service.
	Mutex = builtin.Rule("mutex")
)

// Builtin returns the set of built-in rules.
func Builtin() *Set { return builtin }

func parseBuiltin() []*Rule {
	rules, err := Parse("builtin.yaml", builtinFile)
	if err != nil {
		panic(fmt.Sprint("layout: built-in rules: ", err))
	}
	for _, r := range rules {
		r.BuiltIn = true
	}
	return rules
}

func mustSet(rules []*Rule) *Set {
	s, err := NewSet(rules...)
	if err != nil {
		panic(fmt.Sprint("layout: built-in rules: ", err))
	}
	return s
}

// With returns the built-in rules and more. Rules must not have the names of others.
func With(more ...*Rule) (*Set, error) { return NewSet(append(builtin.Rules(), more...)...) }
