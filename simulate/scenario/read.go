package scenario

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/yamlfile"
)

// Limits on scenarios: a file that exceeds them is a mistake.
const (
	maxClients = 1000
	maxSteps   = 1_000_000 // of all clients and repeats together
	maxMembers = 9
)

// reader turns a decoded file into a scenario and keeps the first error.
type reader struct {
	from string // the name of the file
	file *yamlfile.File
	err  error

	clients    map[string]*Client    // by each of Client.Names
	semaphores map[string]*semaphore // by name, as the client that is read was told
}

type where = yamlfile.Path

// fail sets the error, unless there was one before.
func (r *reader) fail(p where, format string, args ...any) {
	if r.err == nil {
		r.err = r.file.Errorf(p, format, args...)
	}
}

// place returns the position of a value.
func (r *reader) place(p where) Place {
	line, column := r.file.Position(p)
	return Place{Line: line, Column: column}
}

func (r *reader) scenario(doc document) *Scenario {
	sc := &Scenario{
		File:    r.from,
		Name:    r.name(nil, "the scenario", doc.Name),
		About:   doc.About,
		TTL:     r.ttl(where{"ttl"}, doc.TTL, DefaultTTL),
		Seed:    uint64(r.whole(where{"seed"}, doc.Seed, 1, math.MaxInt, DefaultSeed)),
		Cluster: r.whole(where{"cluster"}, doc.Cluster, 1, maxMembers, 0),
	}
	if strings.ContainsAny(doc.About, "\r\n") {
		r.fail(where{"about"}, "about must be a single line")
	}
	sc.Semaphores = r.readSemaphores(where{"semaphores"}, doc.Semaphores)
	r.readClients(sc, doc.Clients)
	r.checkSemaphores()
	r.readFaults(sc, doc.Faults)
	sc.Expect = r.expect(where{"expect"}, doc.Expect)
	return sc
}

func (r *reader) readClients(sc *Scenario, docs []clientDoc) {
	if len(docs) == 0 {
		r.fail(where{"clients"}, "a scenario needs at least one client")
	}
	r.clients = map[string]*Client{}
	steps := 0
	for i, doc := range docs {
		p := where{"clients", i}
		c := r.client(p, doc, sc.TTL)
		if len(r.clients)+c.Count > maxClients {
			r.fail(p, "more than %d clients", maxClients)
			return
		}
		if steps += c.Count * c.Repeat * len(c.Steps); steps > maxSteps {
			r.fail(p, "more than %d steps in all clients together", maxSteps)
		}
		for _, name := range c.Names() {
			if r.clients[name] != nil {
				r.fail(p.To("name"), "client %q is defined twice", name)
			}
			r.clients[name] = &c
		}
		sc.Clients = append(sc.Clients, c)
	}
}

func (r *reader) client(p where, doc clientDoc, ttl time.Duration) Client {
	c := Client{
		Name:   r.name(p, "a client", doc.Name),
		Count:  r.whole(p.To("count"), doc.Count, 1, maxClients, 1),
		Impl:   r.impl(p.To("impl"), doc.Impl),
		TTL:    r.ttl(p.To("ttl"), doc.TTL, ttl),
		After:  r.span(p.To("after"), doc.After),
		Repeat: r.whole(p.To("repeat"), doc.Repeat, 1, maxSteps, 1),
	}
	if len(doc.Steps) == 0 {
		r.fail(p.To("steps"), "client %q needs at least one step", c.Name)
	}
	defer r.tell(&c, p.To("semaphores"), doc.Semaphores)()
	course := newCourse(r)
	for i, s := range doc.Steps {
		step := r.step(p.To("steps", i), s)
		r.supports(p.To("steps", i), c.Impl, step)
		course.follow(p.To("steps", i, string(step.Do)), step)
		c.Steps = append(c.Steps, step)
	}
	course.end(p.To("repeat"), c.Repeat)
	return c
}

// nameFormat is the format of the names of scenarios and clients. It has nothing that
// is special to a shell, a file system or a terminal.
var nameFormat = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

// IsName reports whether s can be the name of a scenario or of a client.
func IsName(s string) bool { return nameFormat.MatchString(s) }

func (r *reader) name(p where, what string, s *string) string {
	switch {
	case s == nil:
		r.fail(p, "%s needs a name", what)
		return ""
	case !IsName(*s):
		r.fail(p.To("name"), "%s name %q: want at most 64 letters, digits, '-', '_' and '.'", what, *s)
	}
	return *s
}

func (r *reader) impl(p where, s *string) Impl {
	if s == nil {
		return ""
	}
	if i := Impl(*s); i == ImplRWLock || i == ImplRecipe {
		return i
	}
	r.fail(p, "unknown implementation %q: want %s or %s", *s, ImplRWLock, ImplRecipe)
	return ""
}

// supports reports an error for a step that the implementation cannot do.
func (r *reader) supports(p where, i Impl, s Step) {
	if i != ImplRecipe || s.Do == "" {
		return
	}
	able := []Action{Read, Write, Wait, Unlock}
	switch {
	case !slices.Contains(able, s.Do):
		r.fail(p, "a client with impl recipe cannot use %s: its steps are %s", s.Do, format.List(able, "and"))
	case s.Try:
		r.fail(p.To("try"), "a client with impl recipe cannot try: it always waits")
	case s.Crash.To > 0:
		r.fail(p.To("crash"), "a client with impl recipe cannot crash: its steps are %s", format.List(able, "and"))
	}
}

func (r *reader) ttl(p where, s *string, otherwise time.Duration) time.Duration {
	d := r.duration(p, s, otherwise)
	if d < time.Second || d%time.Second != 0 {
		r.fail(p, "ttl %s: want whole seconds, at least 1s", d)
	}
	if d > MaxTTL {
		r.fail(p, "ttl %s: want at most %s", d, MaxTTL)
	}
	return d
}

func (r *reader) whole(p where, s *string, least, most, otherwise int) int {
	if s == nil {
		return otherwise
	}
	n, err := strconv.Atoi(*s)
	switch {
	case err != nil || n < least:
		r.fail(p, "%q: want a whole number, at least %d", *s, least)
	case n > most:
		r.fail(p, "%d is too many: want at most %d", n, most)
	}
	return min(max(n, least), most)
}

func (r *reader) duration(p where, s *string, otherwise time.Duration) time.Duration {
	if s == nil {
		return otherwise
	}
	d, err := time.ParseDuration(*s)
	switch {
	case err != nil:
		r.fail(p, "%q is not a duration: want a number with a unit, such as 500ms or 2s", *s)
	case d < 0:
		r.fail(p, "negative duration %s", *s)
	}
	return d
}

// span reads a duration that may be random. It returns the zero span if it is left
// out.
func (r *reader) span(p where, doc *spanDoc) Span {
	switch {
	case doc == nil:
		return Span{}
	case doc.text != nil:
		d := r.duration(p, doc.text, 0)
		return Span{From: d, To: d}
	case doc.From == nil || doc.To == nil:
		r.fail(p, "want a duration such as 500ms, or both from and to for a random one")
		return Span{}
	}
	s := Span{From: r.duration(p.To("from"), doc.From, 0), To: r.duration(p.To("to"), doc.To, 0)}
	if s.To < s.From {
		r.fail(p.To("to"), "to %s is less than from %s", s.To, s.From)
	}
	return s
}

// period reads a span that must be greater than 0.
func (r *reader) period(p where, doc *spanDoc) Span {
	s := r.span(p, doc)
	if doc != nil && s.From == 0 {
		r.fail(p, "duration must be greater than 0")
	}
	return s
}
