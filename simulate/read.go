package simulate

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// reader turns a decoded file into a scenario and keeps the first thing that
// is wrong with it.
type reader struct {
	file string
	root ast.Node
	err  error
}

// where leads to a value in the file: mapping keys and list indices.
type where []any

func (p where) to(more ...any) where { return append(p[:len(p):len(p)], more...) }

// fail notes an error at a path, unless there was one before.
func (r *reader) fail(p where, format string, args ...any) {
	if r.err == nil {
		r.err = at(r.file, r.position(p), fmt.Sprintf(format, args...))
	}
}

// position finds a path's value, or what is nearest around it: a value that is
// missing has no place of its own, and one behind an alias is elsewhere.
func (r *reader) position(p where) *token.Token {
	for ; len(p) > 0; p = p[:len(p)-1] {
		if node, err := p.build().FilterNode(r.root); err == nil && node != nil {
			return firstToken(node)
		}
	}
	return firstToken(r.root)
}

func (p where) build() *yaml.Path {
	b := (&yaml.PathBuilder{}).Root()
	for _, segment := range p {
		switch s := segment.(type) {
		case string:
			b = b.Child(s)
		case int:
			b = b.Index(uint(s))
		}
	}
	return b.Build()
}

// firstToken is where a node begins; a mapping's own token is its first colon.
func firstToken(n ast.Node) *token.Token {
	switch n := n.(type) {
	case nil:
		return nil
	case *ast.MappingNode:
		if len(n.Values) > 0 {
			return n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	}
	return n.GetToken()
}

// names of scenarios and clients stay clear of anything that a shell, a file
// system or a terminal would take for something else.
var nameFormat = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

func (r *reader) name(p where, what string, s *string) string {
	switch {
	case s == nil:
		r.fail(p, "%s needs a name", what)
		return ""
	case !nameFormat.MatchString(*s):
		r.fail(p.to("name"), "%s name %q: want letters, digits, '-', '_' and '.', 64 at most", what, *s)
	}
	return *s
}

func (r *reader) scenario(doc document) *Scenario {
	sc := &Scenario{
		Name:   r.name(nil, "the scenario", doc.Name),
		About:  doc.About,
		TTL:    r.duration(where{"ttl"}, doc.TTL, DefaultTTL),
		Expect: Expect{Log: doc.Expect.Log},
	}
	if strings.ContainsAny(doc.About, "\r\n") {
		r.fail(where{"about"}, "about must be one line")
	}
	if sc.TTL < time.Second || sc.TTL%time.Second != 0 {
		r.fail(where{"ttl"}, "ttl %s: want whole seconds, 1s at least: etcd knows no other", sc.TTL)
	}
	if len(doc.Clients) == 0 {
		r.fail(where{"clients"}, "a scenario needs at least one client")
	}
	seen := map[string]bool{}
	for i, c := range doc.Clients {
		p := where{"clients", i}
		client := r.client(p, c)
		if seen[client.Name] {
			r.fail(p.to("name"), "client %q is there twice", client.Name)
		}
		seen[client.Name] = true
		sc.Clients = append(sc.Clients, client)
	}
	for i, line := range sc.Expect.Log {
		r.expected(where{"expect", "log", i}, line, seen)
	}
	return sc
}

func (r *reader) client(p where, doc clientDoc) Client {
	c := Client{Name: r.name(p, "a client", doc.Name), After: r.duration(p.to("after"), doc.After, 0)}
	if len(doc.Steps) == 0 {
		r.fail(p.to("steps"), "client %q needs at least one step", c.Name)
	}
	held := map[string]bool{}
	for i, s := range doc.Steps {
		step := r.step(p.to("steps", i), s)
		r.follow(p.to("steps", i, string(step.Do)), held, step)
		c.Steps = append(c.Steps, step)
	}
	return c
}

// follow walks a client's steps by the locks it holds, for mistakes that would
// show only as errors at run time.
func (r *reader) follow(p where, held map[string]bool, s Step) {
	switch s.Do {
	case RLock, RWLock:
		if held[s.Lock] {
			r.fail(p, "lock %q is taken by an earlier step and not unlocked in between", s.Lock)
		}
		held[s.Lock] = true
	case Unlock:
		if !held[s.Lock] {
			r.fail(p, "unknown lock %q: no earlier step of this client takes it", s.Lock)
		}
		delete(held, s.Lock)
	case Hold:
	}
}

func (r *reader) step(p where, doc stepDoc) Step {
	var s Step
	for _, a := range []struct {
		do    Action
		value *string
	}{{RLock, doc.RLock}, {RWLock, doc.RWLock}, {Unlock, doc.Unlock}, {Hold, doc.Hold}} {
		if a.value == nil {
			continue
		}
		if s.Do != "" {
			r.fail(p.to(string(a.do)), "a step does one thing: this one has both %s and %s", s.Do, a.do)
			continue
		}
		s.Do, s.Lock = a.do, *a.value
	}
	switch s.Do {
	case "":
		r.fail(p, "a step needs one of rlock, rwlock, unlock, hold")
	case Hold:
		s.Lock, s.For = "", r.duration(p.to("hold"), doc.Hold, 0)
	default:
		if s.Lock == "" {
			r.fail(p.to(string(s.Do)), "lock name is empty")
		}
	}
	takes := s.Do == RLock || s.Do == RWLock
	if takes {
		s.Within = r.duration(p.to("within"), doc.Within, DefaultWithin)
	}
	if !takes && doc.Within != nil {
		r.fail(p.to("within"), "within belongs to rlock and rwlock")
	}
	return s
}

func (r *reader) duration(p where, s *string, otherwise time.Duration) time.Duration {
	if s == nil {
		return otherwise
	}
	d, err := time.ParseDuration(*s)
	switch {
	case err != nil:
		r.fail(p, "%q is no duration: want a number and a unit, such as 500ms or 2s", *s)
	case d < 0:
		r.fail(p, "negative duration %s", *s)
	}
	return d
}

// expected refuses a line that names a client which is not there: it could
// never come true, and would only be found out by a run.
func (r *reader) expected(p where, line string, clients map[string]bool) {
	for _, prefix := range []string{logWaiting, logGot, logReleased} {
		if name, ok := strings.CutPrefix(line, prefix); ok && !clients[name] {
			r.fail(p, "unknown client %q", name)
		}
	}
}
