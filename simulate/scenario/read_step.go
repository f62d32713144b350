package scenario

import (
	"slices"

	"etcd-lock/internal/format"
	"etcd-lock/rwlock"
)

// kind is how files write the steps of one action.
type kind struct {
	do      Action
	given   func(doc stepDoc) bool
	read    func(r *reader, p where, doc stepDoc, s *Step) // p leads to the action's own value
	options []string                                       // the other fields that such a step can have
}

// kinds returns the kinds of all actions.
func kinds() []kind {
	taking := []string{"within", "try", "cancel", "crash", "expect", "waits"}
	return []kind{
		{Read, func(d stepDoc) bool { return d.Read != nil }, readLock(rwlock.Read, func(d stepDoc) *string { return d.Read }), taking},
		{Write, func(d stepDoc) bool { return d.Write != nil }, readLock(rwlock.Write, func(d stepDoc) *string { return d.Write }), taking},
		{Slot, func(d stepDoc) bool { return d.Slot != nil }, readSlot, taking},
		{Together, func(d stepDoc) bool { return d.Together != nil }, readTogether, taking},
		{Wait, func(d stepDoc) bool { return d.Wait != nil }, readWait, nil},
		{Upgrade, func(d stepDoc) bool { return d.Upgrade != nil }, readLock(rwlock.Write, func(d stepDoc) *string { return d.Upgrade }), []string{"expect"}},
		{Downgrade, func(d stepDoc) bool { return d.Downgrade != nil }, readLock(rwlock.Read, func(d stepDoc) *string { return d.Downgrade }), nil},
		{Unlock, func(d stepDoc) bool { return d.Unlock != nil }, readUnlock, nil},
		{Pause, isWord(Pause), nil, nil},
		{Resume, isWord(Resume), nil, nil},
		{Crash, isWord(Crash), nil, nil},
		{Close, isWord(Close), nil, nil},
	}
}

func isWord(do Action) func(stepDoc) bool {
	return func(d stepDoc) bool { return d.word != nil && *d.word == string(do) }
}

// step reads one step. Its action decides which other fields it can have.
func (r *reader) step(p where, doc stepDoc) Step {
	s := Step{Place: r.place(p)}
	k := r.kind(p, doc)
	if k == nil {
		return s
	}
	s.Do = k.do
	if k.read != nil {
		k.read(r, p.To(string(k.do)), doc, &s)
	}
	for _, o := range options() {
		switch {
		case !o.given(doc):
		case !slices.Contains(k.options, o.name):
			r.fail(p.To(o.name), "%s cannot be set on %s, only on %s", o.name, k.do, format.List(having(o.name), "or"))
		default:
			o.read(r, p.To(o.name), doc, &s)
		}
	}
	return s
}

// kind returns the kind of the only action of a step, or nil.
func (r *reader) kind(p where, doc stepDoc) *kind {
	var found *kind
	var all, words []Action
	for _, k := range kinds() {
		all = append(all, k.do)
		if k.read == nil {
			words = append(words, k.do)
		}
		switch {
		case !k.given(doc):
		case found != nil:
			r.fail(p.To(string(k.do)), "a step does one thing: this one has %s and %s", found.do, k.do)
		default:
			found = &k
		}
	}
	switch {
	case found != nil:
	case doc.word != nil:
		r.fail(p, "%q: the steps without a value are %s", *doc.word, format.List(words, "and"))
	default:
		r.fail(p, "a step needs one of %s", format.List(all, "or"))
	}
	return found
}

// having returns the actions whose steps can have an option.
func having(option string) []Action {
	var all []Action
	for _, k := range kinds() {
		if slices.Contains(k.options, option) {
			all = append(all, k.do)
		}
	}
	return all
}

func readLock(mode rwlock.Mode, value func(stepDoc) *string) func(*reader, where, stepDoc, *Step) {
	return func(r *reader, p where, doc stepDoc, s *Step) {
		s.Locks = []rwlock.LockRequest{r.want(p, *value(doc), mode)}
	}
}

func (r *reader) want(p where, name string, mode rwlock.Mode) rwlock.LockRequest {
	switch _, ok := r.semaphores[name]; {
	case name == "":
		r.fail(p, "lock name is empty")
	case ok && mode != 0:
		r.fail(p, "%q is a semaphore: it has slots, and no readers and writers", name)
	}
	return rwlock.LockRequest{Name: name, Mode: mode}
}

func readTogether(r *reader, p where, doc stepDoc, s *Step) {
	seen := map[string]bool{}
	read := func(field string, names []string, mode rwlock.Mode) {
		for i, name := range names {
			at := p.To(field, i)
			if seen[name] {
				r.fail(at, "duplicate lock %q", name)
			}
			seen[name] = true
			s.Locks = append(s.Locks, r.want(at, name, mode))
		}
	}
	read("read", doc.Together.Read, rwlock.Read)
	read("write", doc.Together.Write, rwlock.Write)
	for i, slot := range doc.Together.Slot {
		l := r.slot(p.To("slot", i), slot)
		if seen[l.Name] {
			r.fail(p.To("slot", i), "duplicate lock %q", l.Name)
		}
		seen[l.Name] = true
		s.Locks = append(s.Locks, l)
	}
	if len(s.Locks) == 0 {
		r.fail(p, "together needs locks to read or to write, or slots of semaphores")
	}
}

func readWait(r *reader, p where, doc stepDoc, s *Step) { s.For = r.span(p, doc.Wait) }

func readUnlock(r *reader, p where, doc stepDoc, s *Step) {
	if len(doc.Unlock.words) == 0 {
		r.fail(p, "unlock needs a lock")
	}
	for i, name := range doc.Unlock.words {
		s.Locks = append(s.Locks, r.want(doc.Unlock.at(p, i), name, 0))
	}
}

// at returns the path of the i-th word.
func (d *wordsDoc) at(p where, i int) where {
	if d.listed {
		return p.To(i)
	}
	return p
}

// option is a field that only some actions have.
type option struct {
	name  string
	given func(doc stepDoc) bool
	read  func(r *reader, p where, doc stepDoc, s *Step)
}

// options returns the options in the order in which they must be read: which outcomes
// can be expected depends on the other options.
func options() []option {
	return []option{
		{"try", func(d stepDoc) bool { return d.Try != nil }, func(_ *reader, _ where, d stepDoc, s *Step) { s.Try = *d.Try }},
		{"within", func(d stepDoc) bool { return d.Within != nil }, func(r *reader, p where, d stepDoc, s *Step) { s.Within = r.period(p, d.Within) }},
		{"cancel", func(d stepDoc) bool { return d.Cancel != nil }, readCancel},
		{"crash", func(d stepDoc) bool { return d.Crash != nil }, readCrash},
		{"expect", func(d stepDoc) bool { return d.Expect != nil }, readOutcomes},
		{"waits", func(d stepDoc) bool { return d.Waits != nil }, readBounds},
	}
}

func readCancel(r *reader, p where, doc stepDoc, s *Step) {
	s.Cancel = r.readInterrupt(p, "cancel", doc.Cancel, s)
}

func readCrash(r *reader, p where, doc stepDoc, s *Step) {
	if s.Crash = r.readInterrupt(p, "crash", doc.Crash, s); s.Cancel.To > 0 {
		r.fail(p, "a wait has one end: this one has cancel and crash")
	}
}

// readInterrupt reads when something ends a wait.
func (r *reader) readInterrupt(p where, what string, doc *spanDoc, s *Step) Span {
	after, within := r.period(p, doc), s.Within.To
	if within == 0 {
		within = DefaultWithin
	}
	switch {
	case s.Try:
		r.fail(p, "%s has no effect on a try, which does not wait", what)
	case after.From >= within:
		r.fail(p, "%s after %s is too late: the step gives up within %s", what, after.From, within)
	}
	return after
}

func readBounds(r *reader, p where, doc stepDoc, s *Step) {
	s.Waits = Bounds{
		AtLeast: r.duration(p.To("at_least"), doc.Waits.AtLeast, 0),
		AtMost:  r.duration(p.To("at_most"), doc.Waits.AtMost, 0),
	}
	switch {
	case doc.Waits.AtLeast == nil && doc.Waits.AtMost == nil:
		r.fail(p, "waits needs at_least, at_most or both")
	case doc.Waits.AtMost != nil && s.Waits.AtMost == 0:
		r.fail(p.To("at_most"), "duration must be greater than 0")
	case doc.Waits.AtMost != nil && s.Waits.AtMost < s.Waits.AtLeast:
		r.fail(p.To("at_most"), "at_most %s is less than at_least %s", s.Waits.AtMost, s.Waits.AtLeast)
	}
}

// readOutcomes reads the expected outcomes of a step. A lock that was granted can be
// lost later; all other ends exclude each other.
func readOutcomes(r *reader, p where, doc stepDoc, s *Step) {
	var end Moment
	for i, word := range doc.Expect.words {
		m, at := Moment(word), doc.Expect.at(p, i)
		switch {
		case !slices.Contains(outcomes(), m):
			r.fail(at, "unknown outcome %q: want %s", word, format.List(outcomes(), "or"))
		case slices.Contains(s.Expect, m):
			r.fail(at, "duplicate outcome %s", m)
		case !s.Can(m):
			r.fail(at, "this step cannot be %s: %s", m, whyNot(m, s))
		case !m.Ends() || m == Lost && end == Granted || m == Granted && end == Lost:
		case end != "":
			r.fail(at, "a step cannot be both %s and %s", end, m)
		}
		if m.Ends() {
			end = m
		}
		s.Expect = append(s.Expect, m)
	}
	if len(s.Expect) == 0 {
		r.fail(p, "expect needs an outcome: %s", format.List(outcomes(), "or"))
	}
}

// whyNot returns why a step cannot have an outcome.
func whyNot(m Moment, s *Step) string {
	switch {
	case m == Cancelled:
		return "that needs cancel"
	case m == Refused:
		return "that needs try: true, or an upgrade"
	case s.Do == Upgrade:
		return "an upgrade does not wait"
	default:
		return "a try does not wait"
	}
}
