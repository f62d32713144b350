package flight

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
)

// pseudonyms replaces names, always the same one by the same. Names keep their structure:
// their segments, which of them are numbers, hexadecimal or UUIDs, and which names begin
// with others.
type pseudonyms struct {
	words map[string]string
	count map[string]int
	keys  map[Text]Text // of requests, where they are not as by their paths
}

func newPseudonyms() *pseudonyms {
	return &pseudonyms{words: map[string]string{}, count: map[string]int{}, keys: map[Text]Text{}}
}

// line replaces what a line names.
func (p *pseudonyms) line(l *Line) {
	for i, prefix := range l.Prefixes { // of a part of a segment, nothing is known
		s := string(prefix)
		l.Prefixes[i] = p.path(Text(s[:strings.LastIndex(s, "/")+1]))
	}
	if l.Lock != nil {
		p.lock(l.Lock)
	}
	for i := range l.Changes {
		p.lock(&l.Changes[i])
	}
	if l.Steps != nil {
		p.batch(l.Steps)
	}
	for i := range l.Leases {
		for j, key := range l.Leases[i].Lacks {
			l.Leases[i].Lacks[j] = cmp.Or(p.keys[key], p.path(key))
		}
	}
	l.Events = p.events(l.Events)
	if l.Error != "" {
		l.Error = "the reason is left out"
	}
	p.findings(l.Raised)
	p.findings(l.Cleared)
}

func (p *pseudonyms) lock(c *LockChange) {
	name := c.Name
	c.Name = p.path(name)
	for i, key := range c.Gone {
		c.Gone[i] = p.key(name, key)
	}
	for i := range c.Put {
		p.request(&c.Put[i], name)
	}
	if b := c.Beside; b != nil {
		for i := range b.Others {
			p.request(&b.Others[i], b.Others[i].Name)
		}
		p.all("holder", b.Candidates)
	}
}

// request replaces what a request of a lock names. The lock can be none.
func (p *pseudonyms) request(r *Request, lock Text) {
	r.Key = p.key(lock, r.Key)
	if r.Name != "" {
		r.Name = p.path(r.Name)
	}
	p.owner(r.Owner)
	if r.Term != nil {
		r.Term.Holder = p.word("holder", r.Term.Holder)
	}
	if r.Slots != nil {
		p.all("holder", r.Slots.Holders)
	}
}

func (p *pseudonyms) owner(o *Owner) {
	if o == nil {
		return
	}
	o.Host, o.Program, o.Label = p.word("host", o.Host), p.word("program", o.Program), p.word("label", o.Label)
	o.Under = p.path(o.Under)
}

func (p *pseudonyms) batch(b *Batch) {
	for i := range b.Locks {
		b.Locks[i].Name = p.path(b.Locks[i].Name)
	}
	for i := range b.Clients {
		b.Clients[i].Tail = p.path(b.Clients[i].Tail)
		p.owner(b.Clients[i].Owner)
	}
	b.IDs = p.ids(b)
}

// ids replaces the UUIDs that clients have made up.
func (p *pseudonyms) ids(b *Batch) string {
	var replaced packer
	for ids, err := newUnpacker(b.IDs); err == nil; {
		var id uuid.UUID
		if id, err = ids.next(); err == nil {
			pseudonym, _ := uuid.Parse(p.segment(id.String()))
			replaced.put(pseudonym)
		}
	}
	return replaced.text()
}

// events replaces what events name.
func (p *pseudonyms) events(raw rawEvents) rawEvents {
	var all []Event
	if len(raw) == 0 || json.Unmarshal(raw, &all) != nil {
		return nil // what cannot be read is left out
	}
	for i := range all {
		e := &all[i]
		of := e.Name
		if inspect.EventKind(e.Event).OfOther() {
			of = e.Request.Name
		}
		p.request(&e.Request, of)
		e.Name = p.path(e.Name)
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return nil
	}
	return raw
}

func (p *pseudonyms) findings(all []Finding) {
	for i := range all {
		f := &all[i]
		for n, name := range f.Locks {
			f.Locks[n] = p.path(name)
		}
		for n, session := range f.Sessions {
			if id, err := format.ParseLease(string(session)); err != nil || format.Lease(id) != string(session) { // a key
				f.Sessions[n] = p.path(session)
			}
		}
		f.Text = Text(strings.TrimSpace(f.Kind + " " + strings.Join(stringsOf(f.Locks), ", ")))
	}
}

func (p *pseudonyms) all(kind string, list []Text) {
	for i := range list {
		list[i] = p.word(kind, list[i])
	}
}

// word replaces a text by one that says what it is, and nothing else of it.
func (p *pseudonyms) word(kind string, t Text) Text {
	return Text(p.replace(string(t), func() string { return fmt.Sprintf("%s-%d", kind, p.next(kind)) }))
}

// key replaces the key of a request of a lock as its name, with what follows it.
func (p *pseudonyms) key(lock, key Text) Text {
	tail, ok := strings.CutPrefix(string(key), string(lock))
	if !ok || lock == "" {
		return p.path(key)
	}
	replaced := p.path(lock) + p.path(Text(tail))
	if !strings.HasPrefix(tail, "/") { // else it is the same as by its path
		p.keys[key] = replaced
	}
	return replaced
}

// path replaces the segments of a name or a key.
func (p *pseudonyms) path(t Text) Text {
	segments := strings.Split(string(t), "/")
	for i, s := range segments {
		segments[i] = p.segment(s)
	}
	return Text(strings.Join(segments, "/"))
}

var (
	hexadecimal = regexp.MustCompile(`^[0-9a-f]{8,}$`)
	tokens      = regexp.MustCompile(`[^-_.:]+`)
	digits      = regexp.MustCompile(`^[0-9]+$`)
)

// segment replaces a segment of a name. That a key is of a reader, a writer or a semaphore is kept.
func (p *pseudonyms) segment(s string) string {
	switch {
	case s == "read" || s == "write" || s == "slot":
		return s
	case uuid.Validate(s) == nil:
		return p.replace(s, func() string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", p.next("uuid")) })
	case hexadecimal.MatchString(s) && !digits.MatchString(s):
		return p.replace(s, func() string { return fmt.Sprintf("%0*x", len(s), 0xa<<(4*7)+p.next("hex")) })
	}
	return tokens.ReplaceAllStringFunc(s, func(token string) string {
		if digits.MatchString(token) {
			return p.replace(token, func() string { return fmt.Sprintf("%0*d", len(token), p.next("number")) })
		}
		return p.replace(token, func() string { return fmt.Sprintf("n%d", p.next("name")) })
	})
}

func (p *pseudonyms) next(kind string) int {
	p.count[kind]++
	return p.count[kind]
}

// replace returns what a text is replaced by, which it makes the first time.
func (p *pseudonyms) replace(s string, by func() string) string {
	if s == "" {
		return ""
	}
	if _, known := p.words[s]; !known {
		p.words[s] = by()
	}
	return p.words[s]
}
