package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"etcd-lock/internal/cli/contexts"
	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/narrate"
)

// write prints the answer for people: an alarm of etcd first, then what is wrong with
// locks, then what else there is to know of etcd.
func (a answer) write(out output.Printer) error {
	cluster, ofLocks := split(a.Findings, diagnose.Finding.OfCluster)
	alarms, less := split(cluster, diagnose.Finding.IsAlarm)
	a.Findings, a.alarms = ofLocks, len(alarms) > 0
	_, a.account.Findings = split(a.account.Findings, diagnose.Finding.OfCluster)
	t := &lineWriter{out: out, tense: a.tense(), flags: a.flags, context: a.context}
	t.findings(alarms)
	if a.name == "" {
		a.writeAll(t)
	} else {
		a.writeOne(t)
	}
	t.findings(less)
	for _, u := range a.unknown {
		t.tagged("", output.Cell{Text: "not known", Tone: output.Warning}, u)
	}
	return t.err
}

func (a answer) writeAll(t *lineWriter) {
	at := fmt.Sprintf(" at revision %d", a.Snapshot.Revision)
	locks := format.Count(len(a.Snapshot.Locks), "lock", "locks") + at
	findings := a.findings()
	switch {
	case len(findings) == 0 && len(a.Snapshot.Locks) == 0:
		t.line("", a.say("there are", "there were")+" no locks"+at)
	case len(findings) == 0:
		t.line("", a.nothing()+" with "+locks)
	default:
		t.line("", format.Count(len(findings), "finding", "findings")+" in "+locks+", worst first")
		t.findings(findings)
	}
}

// nothing says that there is no finding: what is not known may be wrong.
func (a answer) nothing() string {
	switch {
	case a.alarms:
		return "nothing else is known to be wrong"
	case len(a.unknown) > 0:
		return a.say("nothing is known to be wrong", "nothing is known to have been wrong")
	default:
		return a.say("nothing is wrong", "nothing was wrong")
	}
}

// say returns the present of a text, or the past for an earlier revision.
func (a answer) say(present, past string) string {
	if a.past() {
		return past
	}
	return present
}

// writeOne prints everything about the lock NAME.
func (a answer) writeOne(t *lineWriter) {
	about := a.about()
	for _, line := range a.absent {
		t.line("", line)
	}
	for _, l := range about.Locks {
		a.writeQueue(t, l)
	}
	for _, chain := range about.Chains {
		t.line("", a.say("why the last waiter waits", "why the last waiter waited")+of(about.Locks, chain[0].Waiter.Lock)+":")
		for _, e := range chain {
			t.line("  ", a.tense().Edge(e))
		}
	}
	for _, l := range about.Locks {
		if outlook := narrate.Outlook(a.Diagnosis, l, about.Findings, maxQueueLines); !a.past() && len(outlook) > 0 {
			t.line("", "what happens by itself"+of(about.Locks, l.ID)+":")
			t.line("  ", outlook...)
		}
	}
	switch {
	case len(about.Findings) > 0 && a.past():
		t.line("", "what was wrong:")
		t.findings(about.Findings)
	case len(about.Findings) > 0:
		t.line("", "what is wrong, and what can be done:")
		t.findings(about.Findings)
	case len(about.Remedies) > 0:
		t.line("", a.nothing()+" with it, but this would end it by force:")
		t.remedies(about.Remedies)
	}
}

// of says which of the locks of one name is meant, if there are several.
func of(locks []inspect.Lock, id inspect.LockID) string {
	if len(locks) < 2 {
		return ""
	}
	return " (" + id.Layout.String() + ")"
}

// lineWriter prints sentences until printing fails, and keeps that error.
type lineWriter struct {
	out     output.Printer
	tense   narrate.Tense
	flags   cmdline.Flags // of printed commands
	context string        // one of several, which lines without an indent begin with
	err     error
}

func (t *lineWriter) line(indent string, texts ...string) { t.tagged(indent, output.Cell{}, texts...) }

func (t *lineWriter) tagged(indent string, tag output.Cell, texts ...string) {
	if t.err != nil || len(texts) == 0 {
		return
	}
	if t.context != "" && indent == "" {
		texts = slices.Clone(texts)
		texts[0] = t.context + ": " + texts[0]
	}
	t.err = t.out.Sentences(indent, tag, texts...)
}

func (a answer) writeQueue(t *lineWriter, l inspect.Lock) {
	t.line("", fmt.Sprintf("%s  %s, %s, at revision %d", a.name, l.ID.Layout, l.StateAt(a.now), a.Snapshot.Revision))
	for i, o := range l.Others {
		if i < maxQueueLines {
			t.tagged("  ", output.Cell{Text: "blocks", Tone: output.Critical}, narrate.Other(o))
		}
	}
	if more := len(l.Others) + l.MoreOthers - maxQueueLines; more > 0 {
		t.line("  ", "and "+format.Count(more, "more key", "more keys")+", see "+a.show())
	}
	for i, r := range l.Queue {
		if s, ok := a.Session(r.Session()); ok && i < maxQueueLines {
			t.tagged("  ", output.Cell{Text: r.StandingAt(a.now), Tone: docs.StateTone(!r.Waiting())}, narrate.Request(s, r, a.now))
		}
	}
	if more := len(l.Queue) - maxQueueLines; more > 0 {
		t.line("  ", fmt.Sprintf("and %d more, see %s", more, a.show()))
	}
	t.line("  ", narrate.Layout(l, a.now)...)
	if a.polls != "" && l.ID.Layout.Polls {
		t.line("  ", a.polls)
	}
}

// show is the command that prints the whole queue.
func (a answer) show() string { return showCommand(a.flags, a.name) }

func (t *lineWriter) findings(findings []diagnose.Finding) {
	for _, f := range findings {
		text := t.tense.With(t.flags).Finding(f)
		t.tagged("", output.Cell{Text: f.Severity.String(), Tone: severityTone(f.Severity)}, append([]string{text.Headline}, text.Clauses...)...)
		t.remedies(f.Remedies)
	}
}

// remedies prints commands to copy, each with what it does.
func (t *lineWriter) remedies(remedies []diagnose.Remedy) {
	for _, r := range remedies {
		if t.err == nil {
			t.err = t.out.Line(output.Cell{Text: "    " + narrate.CommandLine(t.flags, r), Safe: true})
		}
		text := narrate.Remedy(t.flags, r)
		t.line("        ", append([]string{text.Headline}, text.Clauses...)...)
	}
}

// maxQueueLines is how many requests of a queue an answer describes: why is about
// its head, show about all of it.
const maxQueueLines = 10

func severityTone(s diagnose.Severity) output.Tone {
	switch s {
	case diagnose.Critical:
		return output.Critical
	case diagnose.Warning:
		return output.Warning
	default:
		return output.Faint
	}
}

// writeFindings prints findings without remedies.
func writeFindings(out output.Printer, flags cmdline.Flags, findings []diagnose.Finding) error {
	t := lineWriter{out: out, flags: flags}
	t.findings(findings)
	return t.err
}

// split separates findings that are so from the others.
func split(findings []diagnose.Finding, so func(diagnose.Finding) bool) (these, others []diagnose.Finding) {
	for _, f := range findings {
		if so(f) {
			these = append(these, f)
		} else {
			others = append(others, f)
		}
	}
	return these, others
}

// roots returns who keeps NAME or anything waiting.
func (a answer) roots() []diagnose.Blocker {
	if a.name != "" {
		return a.account.Roots
	}
	return a.Roots
}

// nestedElsewhere says who waits under locks that were not read, among those who keep NAME or
// anything waiting: whether they are in deadlocks is not known. Of the past it says too that
// sessions may have waited elsewhere.
func (a answer) nestedElsewhere() (unknown []string) {
	const most = 8
	for _, r := range a.Nested(a.name, most) {
		unknown = append(unknown, a.tense().Nested(r, a.Snapshot.Prefixes, narrate.PrefixFlags))
	}
	if a.past() && !a.Snapshot.Prefixes.All() && len(a.RootLeases(a.roots(), 1)) > 0 { // which keys a lease had then, etcd does not tell
		unknown = append(unknown, "whether sessions that others waited for waited for something elsewhere: only "+narrate.PrefixFlags(a.Snapshot.Prefixes)+" was read")
	}
	return unknown
}

// unknownAges says of how many requests nobody noted since when they hold or wait,
// among those for NAME or all; it is empty when there are none.
func (a answer) unknownAges() string {
	s := a.Snapshot
	if a.name != "" {
		s.Locks = a.account.Locks
	}
	holders, waiters := s.Unaged()
	var parts []string
	if holders > 0 {
		parts = append(parts, format.Count(holders, "request holds its lock", "requests hold their locks"))
	}
	if waiters > 0 {
		parts = append(parts, format.Count(waiters, "request waits", "requests wait"))
	}
	if len(parts) == 0 {
		return ""
	}
	return "since when " + strings.Join(parts, ", and ") + ": clients noted no time, and etcd keeps none"
}

// whySeveral answers from several contexts. A problem is found in any of them, whether the
// others answer or not.
func whySeveral(ctx context.Context, opts *whyOptions) error {
	answers, failed := askAll(ctx, opts.several, opts.err, func(ctx context.Context, c *connect.Conn, _ io.Writer) (answer, error) {
		return opts.answer(ctx, c)
	})
	if ctx.Err() != nil {
		return failed
	}
	if err := opts.writeSeveral(answers); err != nil {
		return err
	}
	var all []diagnose.Finding
	for _, of := range contexts.Answered(answers) {
		all = append(all, of.Doc.reported()...)
	}
	return cmp.Or(opts.alerts.Judge(ctx, all, opts.now()), failed)
}

func (opts *whyOptions) writeSeveral(answers []contexts.Answer[answer]) error {
	if opts.out.Format == output.JSON {
		return contexts.Document(opts.out, answers, func(of contexts.Answer[answer]) any {
			doc := of.Doc.document()
			doc.Context = of.Context
			return doc
		})
	}
	for _, of := range contexts.Answered(answers) {
		of.Doc.context = of.Context
		if err := of.Doc.write(opts.out); err != nil {
			return err
		}
	}
	return nil
}
