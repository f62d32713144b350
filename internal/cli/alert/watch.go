package alert

import (
	"cmp"
	"context"
	"slices"
	"time"

	"etcd-lock/internal/cli/contexts"
	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/narrate"
	"etcd-lock/internal/ongoing"
	"etcd-lock/internal/patrol"
)

// noContact is the kind of problem that etcd does not answer.
const (
	noContact    diagnose.Kind = "no-contact"
	contactAfter               = 15 * time.Second // without an answer
)

// Options are the options of Watch.
type Options struct {
	Flags
	Name       string // of the lock; empty: all
	Prefixes   []string
	Thresholds diagnose.Thresholds
	Several    *contexts.Lasting // in place of Connect; nil: one etcd
	Connect    func(context.Context) (*connect.Conn, error)
	Reach      func(ctx context.Context, name string, c *connect.Conn, given []string) (keyspace.Prefixes, error) // the prefixes to read of a context, of those given
	Warn       func(text string)
	Retrying   func(context string, err error) // says why one of several fails, that it is tried again, and what helps
	Out        output.Printer
	Now        func() time.Time
}

// Watch tells of problems until ctx ends, which is no error.
func Watch(ctx context.Context, o *Options) error {
	t, err := newTeller(ctx, o)
	switch {
	case ctx.Err() != nil:
		return err
	case err != nil:
		return &connect.OptionError{Err: err}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	t.stop = stop
	defer t.farewell()
	if o.Several != nil {
		err = o.Several.Follow(ctx, newFollower(t))
	} else {
		err = o.one(ctx, t)
	}
	return cmp.Or(t.failed, err)
}

// one tells of the problems of one etcd.
func (o *Options) one(ctx context.Context, t *teller) error {
	c, err := o.Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return o.patrol(ctx, "", c, newWatcher(t, ""))
}

// patrol follows the locks of an etcd.
func (o *Options) patrol(ctx context.Context, name string, c *connect.Conn, w *watcher) error {
	prefixes, err := o.Reach(ctx, name, c, o.Prefixes)
	if err != nil {
		return err
	}
	w.begin()
	w.flags = c.Flags
	return patrol.Run(ctx, c, patrol.Options{
		Prefixes: prefixes, Thresholds: o.Thresholds, Leases: connect.MostLeases, Cluster: true, Watch: c.Source.Watch,
	}, w)
}

// follower tells of the problems of several contexts. It implements contexts.Follower.
type follower struct {
	*teller
	watchers map[string]*watcher // by context
}

func newFollower(t *teller) follower {
	t.begin()
	f := follower{teller: t, watchers: map[string]*watcher{}}
	for _, m := range t.opts.Several.Members {
		f.watchers[m.Name] = newWatcher(t, m.Name)
	}
	return f
}

// Follow implements contexts.Follower.
func (f follower) Follow(ctx context.Context, m contexts.Member, c *connect.Conn) error {
	return f.opts.patrol(ctx, m.Name, c, f.watchers[m.Name])
}

// Down implements contexts.Follower.
func (f follower) Down(m contexts.Member, err error) {
	w := f.watchers[m.Name]
	if w.lost.IsZero() {
		f.opts.Retrying(m.Name, err)
	}
	w.Update(inspect.Update{Err: err})
	w.Tick()
}

// alert is a finding to tell of.
type alert struct {
	kind     diagnose.Kind
	severity diagnose.Severity
	id       string
	locks    []string
	doc      docs.Finding
}

// newAlert returns the alert of a finding.
func newAlert(f diagnose.Finding, flags cmdline.Flags) alert {
	text := narrate.Present.With(flags).Finding(f)
	a := alert{kind: f.Kind, severity: f.Severity, id: string(f.Kind), doc: docs.Finding{
		Kind: string(f.Kind), Severity: f.Severity.String(), Text: text.Headline, Clauses: text.Clauses, Locks: []string{}, Sessions: []string{},
	}}
	for _, l := range slices.SortedFunc(slices.Values(f.Locks), inspect.LockID.Compare) {
		a.id += "\x00" + l.Layout.String() + "\x00" + l.Name
	}
	for _, l := range f.Locks {
		a.locks = append(a.locks, l.Name)
	}
	for _, s := range f.Servers {
		a.id += "\x00" + s.Version
	}
	a.doc.Locks = append(a.doc.Locks, a.locks...)
	for _, s := range f.Sessions {
		a.doc.Sessions = append(a.doc.Sessions, s.ID.String())
	}
	a.doc.LocksBase64, a.doc.SessionsBase64 = output.Base64s(a.doc.Locks), output.Base64s(a.doc.Sessions)
	return a
}

// watcher turns what a patrol sees into lines. It implements patrol.Follower.
type watcher struct {
	*teller
	context  string        // one of several
	flags    cmdline.Flags // of printed commands
	problems ongoing.Set[alert]

	found    []alert // in the last round
	revision int64
	lost     time.Time // since when etcd does not answer
	why      error
	told     map[string]bool // IDs of those that were passed on
}

func newWatcher(t *teller, context string) *watcher {
	return &watcher{
		teller: t, context: context, told: map[string]bool{},
		problems: ongoing.Set[alert]{
			ID:    func(a alert) string { return a.id },
			Worse: func(before, now alert) bool { return now.severity > before.severity },
			Quiet: t.opts.ClearAfter,
		},
	}
}

// Update implements patrol.Follower.
func (w *watcher) Update(u inspect.Update) {
	w.why = u.Err
	switch {
	case u.Err == nil:
		w.lost = time.Time{}
	case w.lost.IsZero():
		w.lost = w.opts.Now()
	}
}

// Round implements patrol.Follower.
func (w *watcher) Round(r patrol.Round) {
	w.found, w.revision = w.found[:0], r.Snapshot.Revision
	for _, f := range r.Findings {
		if a := newAlert(f, w.flags); w.opts.Name == "" || slices.Contains(a.locks, w.opts.Name) || f.OfCluster() {
			w.found = append(w.found, a)
		}
	}
	w.look()
}

// Tick implements patrol.Follower.
func (w *watcher) Tick() { w.look() }

// look tells what has changed.
func (w *watcher) look() {
	now := w.opts.Now()
	all := w.found
	if !w.lost.IsZero() && now.Sub(w.lost) >= contactAfter {
		all = append(slices.Clone(all), w.silence())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mutes.refresh(w.opts.Warn)
	c := w.problems.Look(now, all)
	for _, a := range c.Raised {
		w.tell("raised", a, now)
	}
	for _, a := range c.Worse {
		w.tell("worse", a, now)
	}
	for _, a := range c.Cleared {
		w.tell("cleared", a, now)
	}
	w.unmute(now)
}

// silence is the alert that etcd does not answer.
func (w *watcher) silence() alert {
	return alert{kind: noContact, severity: diagnose.Critical, id: string(noContact), doc: docs.Finding{
		Kind: string(noContact), Severity: diagnose.Critical.String(), Text: "etcd does not answer: " + format.Plainly(w.why),
		Clauses: []string{"what is wrong with locks is not known meanwhile"}, Locks: []string{}, Sessions: []string{},
	}}
}

// unmute raises what was muted, is not any more, and is still there.
func (w *watcher) unmute(now time.Time) {
	for _, a := range w.problems.Open() {
		if !w.told[a.id] && w.mutes.until(a, now).IsZero() {
			w.tell("raised", a, now)
		}
	}
}

// tell prints a line, and passes it on unless it is muted. What was not raised for those
// to whom it is passed on is not cleared for them either.
func (w *watcher) tell(event string, a alert, now time.Time) {
	n := docs.Notice{Context: w.context, Event: event, Time: now, Revision: w.revision, Finding: &a.doc, Text: a.doc.Severity + ": " + a.doc.Text}
	until, pass := w.mutes.until(a, now), true
	switch {
	case event == "cleared":
		pass = w.told[a.id]
		delete(w.told, a.id)
	case !until.IsZero():
		n.MutedUntil, pass = until, false
		n.Text += " (muted until " + until.Local().Format(time.DateTime) + ")"
	case !w.told[a.id]:
		n.Event = "raised"
		w.told[a.id] = true
	}
	w.write(n, pass)
}
