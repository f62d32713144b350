package alert

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

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
	Connect    func(context.Context) (*connect.Conn, error)
	Reach      func(context.Context, *connect.Conn, []string) (keyspace.Prefixes, error) // the prefixes to read, of those
	Warn       func(text string)
	Out        output.Printer
	Now        func() time.Time
}

// Watch tells of problems until ctx ends, which is no error.
func Watch(ctx context.Context, o *Options) error {
	w, err := newWatcher(o)
	if err != nil {
		return &connect.OptionError{Err: err}
	}
	c, err := o.Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	prefixes, err := o.Reach(ctx, c, o.Prefixes)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for _, h := range o.hooks() {
		w.senders = append(w.senders, newSender(h, o.Warn))
	}
	defer w.farewell()
	w.stop, w.flags, w.stream = stop, c.Flags, output.NewStream(o.Out, true, []output.Column{{Heading: "EVENT", Width: 10}, {Heading: "PROBLEM"}})
	err = patrol.Run(ctx, c, patrol.Options{
		Prefixes: prefixes, Thresholds: o.Thresholds, Leases: connect.MostLeases, Cluster: true, Watch: c.Source.Watch,
	}, w)
	if w.failed != nil {
		return w.failed
	}
	return err
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
	opts     *Options
	mutes    muteFile
	problems ongoing.Set[alert]
	senders  []*sender
	stream   *output.Stream
	stop     func()
	flags    cmdline.Flags // of printed commands
	failed   error         // of the output

	found    []alert // in the last round
	revision int64
	lost     time.Time // since when etcd does not answer
	why      error
	told     map[string]bool // IDs of those that were passed on
}

func newWatcher(o *Options) (*watcher, error) {
	w := &watcher{
		opts: o, mutes: muteFile{name: o.Mutes}, told: map[string]bool{},
		problems: ongoing.Set[alert]{
			ID:    func(a alert) string { return a.id },
			Worse: func(before, now alert) bool { return now.severity > before.severity },
			Quiet: o.ClearAfter,
		},
	}
	var err error
	if w.mutes.always, err = o.muted(o.Now()); err == nil {
		w.mutes.mutes, err = readMutes(o.Mutes)
	}
	return w, err
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
	n := docs.Notice{Event: event, Time: now, Revision: w.revision, Finding: &a.doc, Text: a.doc.Severity + ": " + a.doc.Text}
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
	if err := w.stream.Write([]output.Entry{n}); err != nil {
		w.failed = err
		w.stop()
	}
	for _, s := range w.senders {
		if pass {
			s.send(n)
		}
	}
}

// farewell passes on what is queued, for a few seconds.
func (w *watcher) farewell() {
	var all sync.WaitGroup
	for _, s := range w.senders {
		all.Go(s.close)
	}
	all.Wait()
}

// hooks returns whom to tell, as the flags say.
func (f *Flags) hooks() []hook {
	var all []hook
	for _, command := range f.Exec {
		all = append(all, program{strings.Fields(command)})
	}
	for _, u := range f.Webhooks {
		all = append(all, webhook{url: u, name: fmt.Sprintf("--webhook %s", hostOf(u))})
	}
	return all
}
