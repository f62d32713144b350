package cli

import (
	"context"
	"slices"
	"strconv"
	"time"

	"etcd-lock/internal/cli/alert"
	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/flight"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/narrate"
)

// answer is the answer of why.
type answer struct {
	diagnose.Diagnosis
	name    string           // empty: all locks
	account diagnose.Account // of name
	alarms  bool             // etcd refuses writes; set by write
	leases  map[int64]inspect.Lease
	others  map[int64][]string // keys that are no requests, of the leases that remedies end
	unknown []string
	polls   string   // what says that clients may wait which leave no keys
	absent  []string // lines that say that there is no lock of the name
	now     time.Time
	flags   cmdline.Flags // of printed commands
	context string        // one of several

	recorded *flight.Moment // that the answer is about; nil: it is about etcd
}

// newAnswer returns the answer about a name, or about all locks if that is empty. Now
// is zero for an earlier revision, which has no remedies that apply now.
func newAnswer(d diagnose.Diagnosis, name string, now time.Time) answer {
	a := answer{Diagnosis: d, name: name, now: now}
	if name != "" {
		a.account = d.About(name)
	}
	if now.IsZero() {
		a.dropRemedies()
	}
	return a
}

// whyAnswer answers from etcd or from a recording.
func whyAnswer(ctx context.Context, opts *whyOptions) error {
	switch {
	case opts.recorded != nil:
		return whyRecorded(ctx, opts)
	case opts.alerts.Watch:
		return alert.Watch(ctx, &alert.Options{
			Flags: opts.alerts, Name: opts.name, Prefixes: opts.prefixes, Thresholds: opts.thresholds,
			Several: opts.lasting, Connect: opts.connect, Reach: opts.reach, Warn: opts.warn, Retrying: opts.retrying, Out: opts.out, Now: opts.now,
		})
	case opts.several != nil:
		return whySeveral(ctx, opts)
	default:
		return whyRun(ctx, opts)
	}
}

// print prints an answer. It fails if --fail-on says so.
func (opts *whyOptions) print(ctx context.Context, a answer) error {
	var err error
	if opts.out.Format == output.JSON {
		err = opts.out.Document(a.document())
	} else {
		err = a.write(opts.out)
	}
	if err != nil {
		return err
	}
	return opts.alerts.Judge(ctx, a.reported(), opts.now())
}

// reported returns the findings of the answer.
func (a answer) reported() []diagnose.Finding {
	if a.name != "" {
		return a.account.Findings
	}
	return a.Findings
}

// whyRecorded answers from a recording.
func whyRecorded(ctx context.Context, opts *whyOptions) error {
	m, err := opts.recorded(opts.rev.from, opts.prefixes...)
	if err != nil {
		return err
	}
	a := newAnswer(diagnose.Locks(m.Snapshot, m.Leases, opts.thresholds, m.Time), opts.name, m.Time)
	a.recorded, a.leases = &m, m.Leases
	a.dropRemedies()
	a.unknown = append(a.nestedElsewhere(), "alarms and versions of etcd: a recording does not have them")
	if opts.name != "" && len(m.Snapshot.Named(opts.name)) == 0 {
		a.absent = []string{notRecorded(opts.name)}
	}
	return opts.print(ctx, a)
}

// dropRemedies removes what can only be done now.
func (a *answer) dropRemedies() {
	for _, findings := range [][]diagnose.Finding{a.Findings, a.account.Findings} {
		for i := range findings {
			findings[i].Remedies = nil
		}
	}
	a.account.Remedies = nil
}

// whyDoc is what why prints as JSON; whyLong documents its fields.
type whyDoc struct {
	Context        string       `json:"context,omitempty"` // one of several
	Name           string       `json:"name,omitempty"`
	NameBase64     string       `json:"name_base64,omitempty"`
	Prefixes       []string     `json:"prefixes"`
	PrefixesBase64 []string     `json:"prefixes_base64,omitempty"`
	Revision       int64        `json:"revision"`
	Locks          []docs.Queue `json:"locks"`
	Chains         [][]edgeDoc  `json:"chains"`
	Findings       []findingDoc `json:"findings"`
	Remedies       []remedyDoc  `json:"remedies"`
	Hint           string       `json:"hint,omitempty"`
	Unknown        []string     `json:"unknown"`
	docs.Recorded
}

// Lists implements output.Lister.
func (d whyDoc) Lists() []output.Elements { return docs.Queues(d.Locks) }

type edgeDoc struct {
	From       string `json:"from"`
	FromBase64 string `json:"from_base64,omitempty"`
	To         string `json:"to"`
	ToBase64   string `json:"to_base64,omitempty"`
	Kind       string `json:"kind"`
	Lock       string `json:"lock"`
	LockBase64 string `json:"lock_base64,omitempty"`
}

type findingDoc struct {
	Kind           string      `json:"kind"`
	Severity       string      `json:"severity"`
	Text           string      `json:"text"`
	Clauses        []string    `json:"clauses"`
	Locks          []string    `json:"locks"`
	LocksBase64    []string    `json:"locks_base64,omitempty"`
	Sessions       []string    `json:"sessions"`
	SessionsBase64 []string    `json:"sessions_base64,omitempty"`
	Behind         int         `json:"behind"`
	Due            time.Time   `json:"due,omitzero"`
	Age            *float64    `json:"age_seconds,omitempty"`
	AgeBound       string      `json:"age_bound,omitempty"`
	Servers        []serverDoc `json:"servers,omitempty"`
	Faults         []faultDoc  `json:"faults,omitempty"`
	Remedies       []remedyDoc `json:"remedies"`
}

type serverDoc struct {
	ID      string `json:"id"`
	Name    string `json:"name,omitempty"`
	Version string `json:"version"`
}

type faultDoc struct {
	Kind     string `json:"kind"`
	MendedIn string `json:"mended_in"`
	Source   string `json:"source"`
}

type remedyDoc struct {
	Text           string   `json:"text"`
	Clauses        []string `json:"clauses"`
	Condition      string   `json:"condition,omitempty"`
	Args           []string `json:"args,omitempty"`
	Command        string   `json:"command,omitempty"`
	Etcdctl        []string `json:"etcdctl,omitempty"`
	Releases       []string `json:"releases"`
	ReleasesBase64 []string `json:"releases_base64,omitempty"`
	MoreReleases   int      `json:"more_releases,omitempty"`
	Grants         []string `json:"grants"`
	GrantsBase64   []string `json:"grants_base64,omitempty"`
	MoreGrants     int      `json:"more_grants,omitempty"`
	Others         []string `json:"others,omitempty"`
	OthersBase64   []string `json:"others_base64,omitempty"`
}

func (a answer) document() whyDoc {
	doc := whyDoc{
		Name: a.name, NameBase64: output.Base64(a.name), Prefixes: append([]string{}, a.Snapshot.Prefixes...), PrefixesBase64: output.Base64s(a.Snapshot.Prefixes), Revision: a.Snapshot.Revision,
		Locks: []docs.Queue{}, Chains: [][]edgeDoc{}, Findings: []findingDoc{}, Remedies: []remedyDoc{}, Hint: a.polls, Unknown: append([]string{}, a.unknown...),
	}
	if m := a.recorded; m != nil {
		doc.Recorded = docs.Recorded{Time: m.Time, Doubts: m.Doubts}
	}
	findings := a.findings()
	if a.name != "" {
		about := a.about()
		findings, doc.Remedies = about.Findings, newRemedyDocs(a.flags, about.Remedies, a.name)
		doc.Locks = newShowDoc(a.name, a.Snapshot.Revision, about.Locks, a.leases, a.now).Locks
		for _, chain := range about.Chains {
			doc.Chains = append(doc.Chains, newEdgeDocs(chain))
		}
	}
	for _, f := range findings {
		doc.Findings = append(doc.Findings, newFindingDoc(f, a.tense(), a.flags, a.name))
	}
	return doc
}

// about returns what concerns the lock.
func (a answer) about() diagnose.Account {
	about := a.account
	about.Findings, about.Remedies = withOthers(about.Findings, a.others), remediesWithOthers(about.Remedies, a.others)
	return about
}

// findings returns those about all locks.
func (a answer) findings() []diagnose.Finding { return withOthers(a.Findings, a.others) }

// withOthers returns findings with the other keys that their remedies delete.
func withOthers(findings []diagnose.Finding, others map[int64][]string) []diagnose.Finding {
	all := slices.Clone(findings)
	for i := range all {
		all[i].Remedies = remediesWithOthers(all[i].Remedies, others)
	}
	return all
}

func remediesWithOthers(remedies []diagnose.Remedy, others map[int64][]string) []diagnose.Remedy {
	all := make([]diagnose.Remedy, 0, len(remedies))
	for _, r := range remedies {
		all = append(all, r.WithOthers(others))
	}
	return all
}

// ends returns the leases that the remedies of the answer end.
func (a answer) ends() []int64 {
	findings, remedies := a.Findings, slices.Clone(a.account.Remedies)
	if a.name != "" {
		findings = a.account.Findings
	}
	for _, f := range findings {
		remedies = append(remedies, f.Remedies...)
	}
	var leases []int64
	for _, r := range remedies {
		leases = append(leases, r.Target.Lease)
	}
	return leases
}

// past reports whether the answer is about an earlier revision, which has no time, or
// about a moment of a recording.
func (a answer) past() bool { return a.now.IsZero() || a.recorded != nil }

// tense returns the tense of what the answer says about locks.
func (a answer) tense() narrate.Tense { return narrate.TenseOf(a.past()) }

func newEdgeDocs(chain []diagnose.Edge) []edgeDoc {
	docs := make([]edgeDoc, 0, len(chain))
	for _, e := range chain {
		docs = append(docs, newEdgeDoc(e.From.ID.String(), e.To.ID.String(), string(e.Kind), e.Waiter.Lock.Name))
	}
	return docs
}

func newEdgeDoc(from, to, kind, lock string) edgeDoc {
	return edgeDoc{
		From: from, FromBase64: output.Base64(from), To: to, ToBase64: output.Base64(to),
		Kind: kind, Lock: lock, LockBase64: output.Base64(lock),
	}
}

// newFindingDoc returns the document of a finding in an answer about a name, or about all
// locks if that is empty.
func newFindingDoc(f diagnose.Finding, tense narrate.Tense, flags cmdline.Flags, name string) findingDoc {
	text := tense.With(flags).Finding(f)
	doc := findingDoc{
		Kind: string(f.Kind), Severity: f.Severity.String(), Text: text.Headline, Clauses: append([]string{}, text.Clauses...),
		Behind: f.Behind, Due: f.Due,
		Locks: []string{}, Sessions: []string{}, Remedies: newRemedyDocs(flags, f.Remedies, name),
	}
	if f.Bound != inspect.AgeUnknown {
		age := max(f.Age, 0).Seconds()
		doc.Age, doc.AgeBound = &age, f.Bound.String()
	}
	for _, s := range f.Servers {
		doc.Servers = append(doc.Servers, serverDoc{ID: strconv.FormatUint(s.ID, 16), Name: s.Name, Version: s.Version})
	}
	for _, fault := range f.Faults {
		doc.Faults = append(doc.Faults, faultDoc{Kind: string(fault.Kind), MendedIn: fault.MendedIn(f.Servers[0].Version), Source: fault.Source})
	}
	for _, l := range f.Locks {
		doc.Locks = append(doc.Locks, l.Name)
	}
	for _, s := range f.Sessions {
		doc.Sessions = append(doc.Sessions, s.ID.String())
	}
	doc.LocksBase64, doc.SessionsBase64 = output.Base64s(doc.Locks), output.Base64s(doc.Sessions)
	return doc
}

func newRemedyDocs(flags cmdline.Flags, remedies []diagnose.Remedy, name string) []remedyDoc {
	all := make([]remedyDoc, 0, len(remedies))
	for _, r := range remedies {
		text := narrate.Remedy(flags, r)
		doc := remedyDoc{
			Text: text.Headline, Clauses: append([]string{}, text.Clauses...),
			Command: r.Command,
			Others:  r.Others, OthersBase64: output.Base64s(r.Others),
		}
		if r.Command == "" {
			doc.Args = flags.Args(narrate.Command(r.Target)...)
			if command := narrate.Etcdctl(r.Target); command != nil && output.Base64s(command) == nil { // else JSON cannot say it
				doc.Etcdctl = flags.EtcdctlArgs(command...)
			}
		}
		if r.IfDead {
			doc.Condition = narrate.Condition
		}
		doc.Releases, doc.MoreReleases = docs.Keys(r.Releases, name, func(r **inspect.Request) *inspect.Request { return *r })
		doc.Grants, doc.MoreGrants = docs.Keys(r.Grants, name, func(e *diagnose.Entry) *inspect.Request { return &e.Request })
		doc.ReleasesBase64, doc.GrantsBase64 = output.Base64s(doc.Releases), output.Base64s(doc.Grants)
		all = append(all, doc)
	}
	return all
}
