package cli

import (
	"fmt"
	"time"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/narrate"
	"etcd-lock/internal/printable"
)

// answer is what why has to say.
type answer struct {
	diagnose.Diagnosis
	name    string // asked for; empty for all
	leases  map[int64]inspect.Lease
	unknown []string
	now     time.Time
}

// whyDoc is what why prints as JSON; whyLong documents its fields.
type whyDoc struct {
	Name       string       `json:"name,omitempty"`
	NameBase64 string       `json:"name_base64,omitempty"`
	Prefix     string       `json:"prefix"`
	Revision   int64        `json:"revision"`
	Locks      []showLock   `json:"locks"`
	Chains     [][]edgeDoc  `json:"chains"`
	Findings   []findingDoc `json:"findings"`
	Remedies   []remedyDoc  `json:"remedies"`
	Unknown    []string     `json:"unknown"`
}

type edgeDoc struct {
	From string `json:"from"`
	To   string `json:"to"`
	Kind string `json:"kind"`
	Lock string `json:"lock"`
}

type findingDoc struct {
	Kind     string      `json:"kind"`
	Severity string      `json:"severity"`
	Text     string      `json:"text"`
	Clauses  []string    `json:"clauses"`
	Locks    []string    `json:"locks"`
	Sessions []string    `json:"sessions"`
	Behind   int         `json:"behind"`
	Due      time.Time   `json:"due,omitzero"`
	Remedies []remedyDoc `json:"remedies"`
}

type remedyDoc struct {
	Text     string   `json:"text"`
	Clauses  []string `json:"clauses"`
	Args     []string `json:"args"`
	Etcdctl  []string `json:"etcdctl"`
	Releases []string `json:"releases"`
	Grants   []string `json:"grants"`
}

func (a answer) document() whyDoc {
	doc := whyDoc{
		Name: a.name, NameBase64: base64Of(a.name), Prefix: a.Snapshot.Prefix, Revision: a.Snapshot.Revision,
		Locks: []showLock{}, Chains: [][]edgeDoc{}, Findings: []findingDoc{}, Remedies: []remedyDoc{}, Unknown: append([]string{}, a.unknown...),
	}
	findings := a.Findings
	if a.name != "" {
		about := a.about()
		findings, doc.Remedies = about.Findings, newRemedyDocs(about.Remedies)
		doc.Locks = newShowDoc(a.name, a.Snapshot.Revision, about.Locks, a.leases).Locks
		for _, chain := range about.Chains {
			doc.Chains = append(doc.Chains, newEdgeDocs(chain))
		}
	}
	for _, f := range findings {
		doc.Findings = append(doc.Findings, newFindingDoc(f))
	}
	return doc
}

// about is what concerns the name that was asked for. For the past, nothing can
// be done.
func (a answer) about() diagnose.Account {
	about := a.About(a.name)
	if a.past() {
		about.Remedies = nil
	}
	return about
}

// past reports whether the answer is about a revision that has gone by, of which
// nobody knows when it was.
func (a answer) past() bool { return a.now.IsZero() }

func newEdgeDocs(chain []diagnose.Edge) []edgeDoc {
	docs := make([]edgeDoc, 0, len(chain))
	for _, e := range chain {
		docs = append(docs, edgeDoc{From: e.From.ID.String(), To: e.To.ID.String(), Kind: string(e.Kind), Lock: e.Waiter.Lock.Name})
	}
	return docs
}

func newFindingDoc(f diagnose.Finding) findingDoc {
	text := narrate.Finding(f)
	doc := findingDoc{
		Kind: string(f.Kind), Severity: f.Severity.String(), Text: text.Headline, Clauses: append([]string{}, text.Clauses...),
		Behind: f.Behind, Due: f.Due,
		Locks: []string{}, Sessions: []string{}, Remedies: newRemedyDocs(f.Remedies),
	}
	for _, l := range f.Locks {
		doc.Locks = append(doc.Locks, l.Name)
	}
	for _, s := range f.Sessions {
		doc.Sessions = append(doc.Sessions, s.ID.String())
	}
	return doc
}

func newRemedyDocs(remedies []diagnose.Remedy) []remedyDoc {
	docs := make([]remedyDoc, 0, len(remedies))
	for _, r := range remedies {
		text := narrate.Remedy(r)
		doc := remedyDoc{
			Text: text.Headline, Clauses: append([]string{}, text.Clauses...),
			Args: narrate.Command(r.Target), Etcdctl: narrate.Etcdctl(r.Target), Releases: []string{}, Grants: []string{},
		}
		for _, released := range r.Releases {
			doc.Releases = append(doc.Releases, released.Key)
		}
		for _, granted := range r.Grants {
			doc.Grants = append(doc.Grants, granted.Request.Key)
		}
		docs = append(docs, doc)
	}
	return docs
}

// write answers people.
func (a answer) write(out printer) error {
	var err error
	if a.name == "" {
		err = a.writeAll(out)
	} else {
		err = a.writeOne(out)
	}
	for _, u := range a.unknown {
		if err == nil {
			err = out.sentences("", cell{text: "not known", tone: warning}, u)
		}
	}
	return err
}

func (a answer) writeAll(out printer) error {
	locks := fmt.Sprintf("%s at revision %d", plural(len(a.Snapshot.Locks), "lock"), a.Snapshot.Revision)
	if len(a.Findings) == 0 {
		return out.line(cell{text: "nothing is wrong with " + locks})
	}
	t := teller{out: out}
	t.say("", plural(len(a.Findings), "finding")+" in "+locks+", worst first")
	t.tellFindings(a.Findings)
	return t.err
}

// writeOne says all about the name that was asked for.
func (a answer) writeOne(out printer) error {
	about := a.about()
	if len(about.Locks) == 0 {
		return out.line(cell{text: a.name + " is free"})
	}
	t := teller{out: out}
	for _, l := range about.Locks {
		a.tellQueue(&t, l)
	}
	for _, chain := range about.Chains {
		t.say("", "why the last waiter waits:")
		for _, e := range chain {
			t.say("  ", a.because(e))
		}
	}
	if !a.past() {
		t.say("", "what happens by itself:")
		for _, l := range about.Locks {
			t.say("  ", a.outlook(l, about)...)
		}
	}
	switch {
	case len(about.Findings) > 0 && a.past():
		t.say("", "what was wrong:")
		t.tellFindings(about.Findings)
	case len(about.Findings) > 0:
		t.say("", "what is wrong, and what could be done:")
		t.tellFindings(about.Findings)
	case len(about.Remedies) > 0:
		t.say("", "nothing is wrong with it, but this would end it by force:")
		t.tellRemedies(about.Remedies)
	}
	return t.err
}

// teller prints until it cannot.
type teller struct {
	out printer
	err error
}

func (t *teller) say(indent string, texts ...string) { t.tell(indent, cell{}, texts...) }

func (t *teller) tell(indent string, tag cell, texts ...string) {
	if t.err == nil {
		t.err = t.out.sentences(indent, tag, texts...)
	}
}

func (a answer) tellQueue(t *teller, l inspect.Lock) {
	t.say("", fmt.Sprintf("%s  %s, %s, at revision %d", a.name, l.ID.Layout, l.State(), a.Snapshot.Revision))
	for i, r := range l.Queue {
		if i < maxQueueLines {
			t.tell("  ", cell{text: r.Standing(), tone: standingTone(r.Holding)}, a.describe(r))
		}
	}
	if more := len(l.Queue) - maxQueueLines; more > 0 {
		t.say("  ", fmt.Sprintf("and %d more, see etcd-lock show", more))
	}
}

func (t *teller) tellFindings(findings []diagnose.Finding) {
	for _, f := range findings {
		text := narrate.Finding(f)
		t.tell("", cell{text: f.Severity.String(), tone: severityTone(f.Severity)}, append([]string{text.Headline}, text.Clauses...)...)
		t.tellRemedies(f.Remedies)
	}
}

// tellRemedies prints commands to copy, each with what it does.
func (t *teller) tellRemedies(remedies []diagnose.Remedy) {
	for _, r := range remedies {
		command := printable.Shell(append([]string{"etcd-lock"}, narrate.Command(r.Target)...)...)
		if t.err == nil {
			t.err = t.out.line(cell{text: "    " + command, safe: true})
		}
		text := narrate.Remedy(r)
		t.say("        ", append([]string{text.Headline}, text.Clauses...)...)
	}
}

// maxQueueLines is how much of a queue an answer describes: why is about its
// head and show about all of it.
const maxQueueLines = 10

// describe says who a request is of, since when, and how long its lease lasts.
func (a answer) describe(r inspect.Request) string {
	text := fmt.Sprintf("%s (%s)", a.who(r.Session()), r.Mode)
	switch {
	case r.Owned && !r.Owner.Time.IsZero() && a.past():
		text += fmt.Sprintf(", asked at %s by its own clock", r.Since.Format(time.RFC3339))
	case r.Owned && !r.Owner.Time.IsZero():
		text += fmt.Sprintf(", asked %s ago by its own clock", seconds(since(a.now, r.Since)))
	default:
		text += fmt.Sprintf(", asked at revision %d (no time was recorded)", r.Revision)
	}
	lease := a.leases[r.Lease]
	switch {
	case r.Lease == 0:
		text += ", no lease"
	case lease.State == inspect.LeaseAlive:
		text += fmt.Sprintf(", lease %s with %s of %s left", leaseText(r.Lease), seconds(lease.Remaining), seconds(lease.Granted))
	default:
		text += ", lease " + leaseText(r.Lease)
	}
	return text
}

// who names a session of the snapshot.
func (a answer) who(id inspect.SessionID) string {
	s, _ := a.Session(id)
	return s.Who()
}

// because says why one session cannot go on before another.
func (a answer) because(e diagnose.Edge) string {
	from, to := e.From.Who(), e.To.Who()
	switch e.Kind {
	case diagnose.EdgeInside:
		return fmt.Sprintf("%s holds %s for a program that is %s, by its own account", from, e.Waiter.Lock.Name, to)
	case diagnose.EdgeSoft:
		return fmt.Sprintf("%s waits for %s behind %s, who asked before", from, e.Waiter.Lock.Name, to)
	default:
		return fmt.Sprintf("%s waits for %s, held by %s", from, e.Waiter.Lock.Name, to)
	}
}

// outlook says what becomes of a lock when nobody does anything.
func (a answer) outlook(l inspect.Lock, about diagnose.Account) []string {
	for _, f := range about.Findings {
		if f.Kind == diagnose.Deadlock {
			return []string{"nothing: the sessions that wait for each other do so until one gives up or its session ends"}
		}
	}
	var says []string
	for i, r := range l.Queue {
		if r.Holding && i < maxQueueLines {
			says = append(says, a.fate(r)...)
		}
	}
	if next := a.next(l); next != "" {
		says = append(says, next)
	}
	return says
}

// fate says when a holder will be gone.
func (a answer) fate(r inspect.Request) []string {
	s, _ := a.Session(r.Session())
	who := s.Who()
	switch {
	case r.Lease == 0:
		return []string{who + " holds it until its key is deleted, since no lease ends it"}
	case s.Lease.State != inspect.LeaseAlive:
		return []string{who + " holds it until it unlocks or its session ends"}
	case s.MissedRenewals():
		return []string{fmt.Sprintf("%s has missed renewals: unless it comes back, its session ends in about %s", who, seconds(s.Lease.Remaining))}
	default:
		return []string{
			who + " renews its session and holds it until it unlocks",
			fmt.Sprintf("if it dies, its session ends within %s", seconds(s.Lease.Granted)),
		}
	}
}

// next says who gets the lock when its holders are gone.
func (a answer) next(l inspect.Lock) string {
	var held []string
	for _, r := range l.Queue {
		if r.Holding {
			held = append(held, r.Key)
		}
	}
	granted := a.Snapshot.Without(held...).Granted
	switch len(granted) {
	case 0:
		return ""
	case 1:
		return "then " + a.who(granted[0].Session()) + " gets it"
	default:
		return fmt.Sprintf("then %s gets it, and %s with it", a.who(granted[0].Session()), plural(len(granted)-1, "other reader"))
	}
}

func severityTone(s diagnose.Severity) tone {
	switch s {
	case diagnose.Critical:
		return critical
	case diagnose.Warning:
		return warning
	default:
		return faint
	}
}

// plural is a number of things.
func plural(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
