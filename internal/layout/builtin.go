package layout

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// builtinYAML is the file that people edit and read; builtinJSON is the same in a form
// that is read fast, because every command does. TestBuiltinForms keeps them equal.
var (
	//go:embed builtin.yaml
	builtinYAML []byte
	//go:embed builtin.json
	builtinJSON []byte
)

var builtin = mustSet(parseBuiltin())

// The layouts of etcd's own clients and of package rwlock.
var (
	// RWLock is <name>/read/<id> and <name>/write/<id>: package rwlock, etcd's
	// RWMutex recipe and the older etcd-lock library.
	RWLock = builtin.Rule("rwlock")
	// Mutex is <name>/<lease in hex>: etcd's concurrency.Mutex and Election,
	// etcdctl lock and elect, the v3lock service.
	Mutex = builtin.Rule("mutex")
	// Semaphores is <name>/slot/<id>: semaphores of package rwlock.
	Semaphores = builtin.Rule("semaphore")
)

// Builtin returns the set of built-in rules.
func Builtin() *Set { return builtin }

func parseBuiltin() []*Rule {
	var doc fileDoc
	if err := json.Unmarshal(builtinJSON, &doc); err != nil {
		panic(fmt.Sprint("layout: built-in rules: ", err))
	}
	r := reader{}
	rules := r.rules(doc)
	if r.err != nil {
		panic(fmt.Sprint("layout: built-in rules: ", r.err))
	}
	for _, rule := range rules {
		rule.BuiltIn = true
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
