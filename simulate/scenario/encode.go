package scenario

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"etcd-lock/internal/printable"
	"etcd-lock/rwlock"
)

// Notes are comments for a file, without the "#" of each line.
type Notes struct {
	Head    []string            // at the top
	Clients map[string][]string // above a client, by its name
}

// Encode returns the file of a scenario. Parse returns the same scenario for it, except
// for File and all places. Defaults are left out.
//
// A lock whose name is not UTF-8 is an error, because YAML cannot represent it.
func Encode(sc *Scenario, notes Notes) ([]byte, error) {
	for _, name := range sc.Locks() {
		if !utf8.ValidString(name) {
			return nil, fmt.Errorf("simulate: lock %q is not UTF-8, which YAML cannot represent", name)
		}
	}
	b, err := yaml.MarshalWithOptions(newScenarioOut(sc), yaml.IndentSequence(true), yaml.WithComment(notes.comments(sc)))
	if err != nil {
		return nil, fmt.Errorf("simulate: writing scenario %s: %w", sc.Name, err)
	}
	return b, nil
}

func (n Notes) comments(sc *Scenario) yaml.CommentMap {
	comments := yaml.CommentMap{}
	add := func(path string, lines []string) {
		var texts []string
		for _, l := range lines {
			texts = append(texts, " "+printable.Text(l))
		}
		if len(texts) > 0 {
			comments[path] = []*yaml.Comment{yaml.HeadComment(texts...)}
		}
	}
	add("$.name", n.Head)
	for i, c := range sc.Clients {
		add(fmt.Sprintf("$.clients[%d]", i), n.Clients[c.Name])
	}
	return comments
}

// The types of a file as Encode writes it: numbers are numbers, and short lists are on
// one line.
type (
	scenarioOut struct {
		Name    any    `yaml:"name"`
		About   any    `yaml:"about,omitempty"`
		TTL     string `yaml:"ttl,omitempty"`
		Seed    uint64 `yaml:"seed,omitempty"`
		Cluster int    `yaml:"cluster,omitempty"`

		Semaphores []semaphoreOut `yaml:"semaphores,omitempty"`

		Clients []clientOut `yaml:"clients"`
		Faults  []faultOut  `yaml:"faults,omitempty"`
		Expect  *expectOut  `yaml:"expect,omitempty"`
	}
	semaphoreOut struct {
		Name    any `yaml:"name"`
		Permits int `yaml:"permits"`
	}
	clientOut struct {
		Name   any    `yaml:"name"`
		Count  int    `yaml:"count,omitempty"`
		Impl   Impl   `yaml:"impl,omitempty"`
		TTL    string `yaml:"ttl,omitempty"`
		After  any    `yaml:"after,omitempty,flow"`
		Repeat int    `yaml:"repeat,omitempty"`

		Semaphores []semaphoreOut `yaml:"semaphores,omitempty"`

		Steps []any `yaml:"steps"`
	}
	stepOut struct {
		Read      any          `yaml:"read,omitempty"`
		Write     any          `yaml:"write,omitempty"`
		Slot      any          `yaml:"slot,omitempty,flow"`
		Together  *togetherOut `yaml:"together,omitempty,flow"`
		Wait      any          `yaml:"wait,omitempty,flow"`
		Upgrade   any          `yaml:"upgrade,omitempty"`
		Downgrade any          `yaml:"downgrade,omitempty"`
		Unlock    any          `yaml:"unlock,omitempty,flow"`
		Within    any          `yaml:"within,omitempty,flow"`
		Try       bool         `yaml:"try,omitempty"`
		Cancel    any          `yaml:"cancel,omitempty,flow"`
		Crash     any          `yaml:"crash,omitempty,flow"`
		Expect    any          `yaml:"expect,omitempty,flow"`
		Waits     *boundsOut   `yaml:"waits,omitempty,flow"`
	}
	togetherOut struct {
		Read  []any `yaml:"read,omitempty"`
		Write []any `yaml:"write,omitempty"`
		Slot  []any `yaml:"slot,omitempty"`
	}
	slotOut struct {
		Name   any `yaml:"name"`
		Weight int `yaml:"weight"`
	}
	boundsOut struct {
		AtLeast string `yaml:"at_least,omitempty"`
		AtMost  string `yaml:"at_most,omitempty"`
	}
	spanOut struct {
		From string `yaml:"from"`
		To   string `yaml:"to"`
	}
	faultOut struct {
		At      any  `yaml:"at,flow"`
		Kill    any  `yaml:"kill,omitempty"`
		Stop    any  `yaml:"stop,omitempty"`
		Start   any  `yaml:"start,omitempty"`
		Cut     any  `yaml:"cut,omitempty,flow"`
		Heal    any  `yaml:"heal,omitempty,flow"`
		Compact bool `yaml:"compact,omitempty"`
	}
	expectOut struct {
		Log     *[]any  `yaml:"log,omitempty"`
		Order   []chain `yaml:"order,omitempty"`
		MaxWait string  `yaml:"max_wait,omitempty"`
		Fenced  int     `yaml:"fenced,omitempty"`
	}
)

// quoted is text that must be quoted in YAML. The library's own quoting writes some
// text so that it cannot read it back, but it reads everything that Go quotes.
type quoted string

// MarshalYAML quotes the text.
func (q quoted) MarshalYAML() ([]byte, error) { return []byte(strconv.Quote(string(q))), nil }

var bare = regexp.MustCompile(`^[A-Za-z0-9/_][A-Za-z0-9/_.-]*( [A-Za-z0-9/_.-]+)*$`)

func text(s string) any {
	if bare.MatchString(s) {
		return s // which the library quotes if it looks like a number, true, null and so on
	}
	return quoted(s)
}

func texts[T ~string](words []T) []any {
	var all []any
	for _, w := range words {
		all = append(all, text(string(w)))
	}
	return all
}

// oneOrList returns the only word, a list of several, or nil if there is none.
func oneOrList[T ~string](words []T) any {
	switch len(words) {
	case 0:
		return nil
	case 1:
		return text(string(words[0]))
	default:
		return texts(words)
	}
}

// chain is a list that is written on one line.
type chain []Occurrence

// MarshalYAML encodes the list in brackets.
func (c chain) MarshalYAML() ([]byte, error) {
	words := make([]string, len(c))
	for i, o := range c {
		words[i] = o.String()
	}
	return yaml.MarshalWithOptions(texts(words), yaml.Flow(true))
}

func newScenarioOut(sc *Scenario) scenarioOut {
	out := scenarioOut{
		Name:    text(sc.Name),
		TTL:     durationOut(sc.TTL, DefaultTTL),
		Seed:    unless(sc.Seed, DefaultSeed),
		Cluster: sc.Cluster,
		Expect:  newExpectOut(sc.Expect),
	}
	if sc.About != "" {
		out.About = text(sc.About)
	}
	out.Semaphores = semaphoresOut(sc.Semaphores)
	for _, c := range sc.Clients {
		out.Clients = append(out.Clients, newClientOut(c, sc.TTL))
	}
	for _, f := range sc.Faults {
		out.Faults = append(out.Faults, newFaultOut(f))
	}
	return out
}

// unless returns n, or the zero value if n is the default.
func unless[T comparable](n, byDefault T) T {
	if n == byDefault {
		return *new(T)
	}
	return n
}

func durationOut(d, byDefault time.Duration) string {
	if d == byDefault {
		return ""
	}
	return d.String()
}

// newSpanOut returns nil for the zero span.
func newSpanOut(s Span) any {
	switch {
	case s == Span{}:
		return nil
	case s.From == s.To:
		return s.From.String()
	default:
		return spanOut{From: s.From.String(), To: s.To.String()}
	}
}

func newClientOut(c Client, ttl time.Duration) clientOut {
	out := clientOut{
		Name:   text(c.Name),
		Count:  unless(c.Count, 1),
		Impl:   c.Impl,
		TTL:    durationOut(c.TTL, ttl),
		After:  newSpanOut(c.After),
		Repeat: unless(c.Repeat, 1),
	}
	out.Semaphores = semaphoresOut(c.Semaphores)
	for _, s := range c.Steps {
		out.Steps = append(out.Steps, newStepOut(s))
	}
	return out
}

func newStepOut(s Step) any {
	out := stepOut{
		Within: newSpanOut(s.Within),
		Try:    s.Try,
		Cancel: newSpanOut(s.Cancel),
		Crash:  newSpanOut(s.Crash),
		Expect: oneOrList(s.Expect),
	}
	if s.Waits != (Bounds{}) {
		out.Waits = &boundsOut{AtLeast: durationOut(s.Waits.AtLeast, 0), AtMost: durationOut(s.Waits.AtMost, 0)}
	}
	switch s.Do {
	case Read:
		out.Read = text(s.Locks[0].Name)
	case Write:
		out.Write = text(s.Locks[0].Name)
	case Slot:
		out.Slot = slotsOut(s.Locks)[0]
	case Together:
		out.Together = &togetherOut{Read: texts(namesOf(s.Locks, rwlock.Read)), Write: texts(namesOf(s.Locks, rwlock.Write)), Slot: slotsOut(s.Locks)}
	case Wait:
		out.Wait = newSpanOut(s.For)
		if out.Wait == nil {
			out.Wait = "0s"
		}
	case Upgrade:
		out.Upgrade = text(s.Locks[0].Name)
	case Downgrade:
		out.Downgrade = text(s.Locks[0].Name)
	case Unlock:
		out.Unlock = oneOrList(namesOf(s.Locks, 0))
	default:
		return string(s.Do)
	}
	return out
}

// namesOf returns the names of the locks with that mode.
func namesOf(locks []rwlock.LockRequest, mode rwlock.Mode) []string {
	var names []string
	for _, l := range locks {
		if l.Mode == mode {
			names = append(names, l.Name)
		}
	}
	return names
}

func newFaultOut(f Fault) faultOut {
	out := faultOut{At: newSpanOut(f.At)}
	if out.At == nil {
		out.At = "0s"
	}
	switch f.Do {
	case FaultKill:
		out.Kill = memberOut(f.Member)
	case FaultStop:
		out.Stop = memberOut(f.Member)
	case FaultStart:
		out.Start = memberOut(f.Member)
	case FaultCut:
		out.Cut = oneOrList(f.Clients)
	case FaultHeal:
		out.Heal = oneOrList(f.Clients)
	case FaultCompact:
		out.Compact = true
	}
	return out
}

func memberOut(m Member) any {
	if m > 0 {
		return int(m)
	}
	return m.String()
}

// newExpectOut returns nil if nothing is expected.
func newExpectOut(e Expect) *expectOut {
	if e.Log == nil && e.Order == nil && e.MaxWait == 0 && e.Fenced == 0 {
		return nil
	}
	out := &expectOut{MaxWait: durationOut(e.MaxWait, 0), Fenced: e.Fenced}
	if e.Log != nil {
		lines := texts(e.Log)
		out.Log = &lines
	}
	for _, c := range e.Order {
		out.Order = append(out.Order, c)
	}
	return out
}
