package screens

import (
	"cmp"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/narrate"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// expiringAt is the remaining time from which on a lease is called out.
const expiringAt = 2 * time.Second

// ttlCell is the remaining time of a request's lease, or of a record by the clocks of its
// holder and of this machine.
func ttlCell(c *nav.Context, r inspect.Request) theme.Text {
	lease := r.Lease
	f, left, known := c.LeaseOf(r)
	switch {
	case lease == 0 && r.Term != nil:
		return termCell(c, r)
	case lease == 0 && r.Lock.Layout.Leaseless():
		return theme.Styled("never", c.Theme.Dim)
	case lease == 0:
		return theme.Styled("never", c.Theme.Warning)
	case !known:
		return theme.Styled("-", c.Theme.Dim)
	case f.State == inspect.LeaseUnattached:
		return theme.Styled("never", c.Theme.Lost)
	case left < 0 && f.State == inspect.LeaseOverdue:
		return theme.Styled("-"+format.Age(-left), c.Theme.Lost)
	case left < 0:
		return theme.Styled("gone", c.Theme.Lost)
	case left <= expiringAt && f.MissedRenewals(): // else it has likely been renewed since it was looked up
		return theme.Styled("!"+format.Age(left), c.Theme.Expiring)
	default:
		return theme.Styled(format.Age(left), c.Theme.Plain)
	}
}

// termCell is the remaining time of a record.
func termCell(c *nav.Context, r inspect.Request) theme.Text {
	ends := r.Term.Ends()
	switch {
	case ends.IsZero() || r.Vacant() || c.Clock().IsZero(): // revisions of etcd have no times
		return theme.Styled("-", c.Theme.Dim)
	case r.Lapsed(c.Clock()):
		return theme.Styled("lapsed", c.Theme.Lost)
	default:
		return theme.Styled("~"+format.Age(ends.Sub(c.Clock())), c.Theme.Plain)
	}
}

// ttlBar is ttlCell with, where there is room, a bar that drains.
func ttlBar(c *nav.Context, r inspect.Request, w int) theme.Text {
	text := ttlCell(c, r)
	granted, left, known := c.LeaseOf(r)
	lead := max(term.Width(text.Text), 5)
	room := w - lead - 1
	if w == widget.WholeWidth || !known || left < 0 || text.Text == "-" || granted.Granted <= 0 {
		return text
	}
	bar, ok := drain(left, granted.Granted, room)
	if !ok {
		return text
	}
	style := text.Style
	if granted.MissedRenewals() {
		style = c.Theme.Expiring
	}
	return theme.Styled(term.Pad(text.Text, lead, true)+" "+bar, style)
}

// drain draws the part left of a whole as a bar of w cells, if that is enough
// for one.
func drain(left, whole time.Duration, w int) (bar string, ok bool) {
	if w < 4 || whole <= 0 {
		return "", false
	}
	left = min(max(left, 0), whole)
	hi, lo := bits.Mul64(uint64(left), uint64(w)) // in 128 bits: leases of decades exceed 64
	n, _ := bits.Div64(hi, lo, uint64(whole))
	full := int(n)
	return strings.Repeat("█", full) + strings.Repeat("░", w-full), true
}

// renewalsCell says whether a client renews its lease, as far as look-ups show: that
// a lease has time left does not.
func renewalsCell(c *nav.Context, r inspect.Request, w int) theme.Text {
	lease := r.Lease
	f, _, _ := c.LeaseOf(r)
	switch {
	case lease == 0 && r.Term != nil:
		return theme.Styled("by its clock", c.Theme.Dim)
	case lease == 0 && r.Lock.Layout.Leaseless():
		return theme.Styled("· no lease", c.Theme.Dim)
	case lease == 0:
		return theme.Styled("! none", c.Theme.Warning)
	case f.State == inspect.LeaseGone:
		return theme.Styled("✗ gone", c.Theme.Lost)
	case f.State == inspect.LeaseMissing:
		return theme.Styled("✗ no lease", c.Theme.Lost)
	case f.State == inspect.LeaseUnattached:
		return theme.Styled("✗ not attached", c.Theme.Lost)
	case f.State == inspect.LeaseOverdue:
		return theme.Styled("✗ overdue", c.Theme.Lost)
	case f.State != inspect.LeaseAlive:
		return theme.Styled("-", c.Theme.Dim)
	}
	seen := c.Renewals(lease)
	switch {
	case f.MissedRenewals():
		return theme.Styled(noneSeen(f.NotRenewedFor(), w, "! "), c.Theme.Expiring)
	case !seen.Rose.IsZero() && !seen.Overdue(f.Lease, c.Clock()):
		return theme.Styled("● renewed", c.Theme.Holding)
	case seen.Overdue(f.Lease, c.Clock()) || !seen.Changed.IsZero() && seen.Unseen(c.Clock()) > f.Granted/3:
		return theme.Styled(noneSeen(seen.Unseen(c.Clock()), w, "· "), c.Theme.Dim)
	default:
		return theme.Styled("· not due", c.Theme.Dim)
	}
}

// noneSeen says for how long no renewal was seen, in w cells.
func noneSeen(d time.Duration, w int, sign string) string {
	text := sign + "none seen for " + format.Age(d)
	if term.Width(text) > w {
		text = sign + "none " + format.Age(d)
	}
	return text
}

// clientIn names the client of a request in w cells: as state.Who does, or by what tells
// clients apart best, in whole words.
func clientIn(r inspect.Request, w int) string { return ownerIn(r.Owner.Value(), state.Who(r), w) }

// ownerIn names an owner in w cells: by its name in full, else by the label or the program,
// with the host if there is room.
func ownerIn(o keyspace.Owner, full string, w int) string {
	brief := ""
	if term.Width(full) > w {
		brief = briefOwner(o)
	}
	switch {
	case brief == "":
		return term.CutMiddle(full, w)
	case term.Width(brief) <= w:
		return brief
	default:
		return term.CutMiddle(term.Safe(cmp.Or(o.Label, o.Program)), w)
	}
}

// requestSign is whether a request holds.
func requestSign(t *theme.Theme, r inspect.Request) theme.Text {
	switch {
	case r.Encrypted:
		return theme.Styled("?", t.Dim)
	case r.Holding:
		return theme.Styled(format.SignHolding, t.Holding)
	case r.Vacant():
		return theme.Styled(format.SignNotice, t.Free)
	default:
		return theme.Styled(format.SignWaiting, t.Waiting)
	}
}

// holdersText is how many hold a lock, if that is known.
func holdersText(l inspect.Lock) string {
	c := l.Count()
	return format.Waiters(c.Readers+c.Writers, l.State() != inspect.StateUnknown)
}

// SeveritySign is the sign of how bad something is.
func SeveritySign(t *theme.Theme, sev diagnose.Severity) theme.Text {
	switch sev {
	case diagnose.Critical:
		return theme.Styled(format.SignCritical, t.Lost)
	case diagnose.Warning:
		return theme.Styled(format.SignWarning, t.Warning)
	case diagnose.Notice:
		return theme.Styled(format.SignNotice, t.Dim)
	default:
		return theme.Styled("", t.Plain)
	}
}

// inWords is a finding in words, as of the time of the rows beside it. History mode is
// about the past.
func inWords(c *nav.Context, f *diagnose.Finding) narrate.Text {
	return narrate.TenseOf(c.InPast()).With(c.Flags).Finding(f.AsOf(c.Clock()))
}

// findingLines are a finding in full: its headline, what helps, if that is given,
// then each clause on a line of its own.
func findingLines(c *nav.Context, f *diagnose.Finding, helps []string, w int) []string {
	t := c.Theme
	words, sign := inWords(c, f), SeveritySign(t, f.Severity)
	lines := term.Wrap(sign.Text+" "+term.Safe(words.Headline), w, sign.Style.Render)
	lines = append(lines, helps...)
	for _, clause := range words.Clauses {
		lines = append(lines, term.Wrap("  "+term.Safe(clause), w, t.Plain.Render)...)
	}
	return lines
}

// lockFindings are the findings of a lock in full, each with its first remedy and what is
// known of whether the holders are alive; then what is not known, and what is known of the
// lock's layout.
func lockFindings(c *nav.Context, l inspect.Lock, w int) []string {
	v := &c.Shown().Verdict
	var lines []string
	for _, i := range v.ByLock[l.ID] {
		f := &v.Findings[i]
		var helps []string
		if len(f.Remedies) > 0 {
			helps = term.Wrap("  "+narrate.CommandLine(c.Flags, f.Remedies[0]), w, c.Theme.Key.Render)
		}
		lines = append(lines, findingLines(c, f, helps, w)...)
		lines = append(lines, aliveLines(c, f, w)...)
	}
	if len(l.Queue) > l.Count().Readers+l.Count().Writers {
		lines = append(lines, unseenLines(c, w)...)
	}
	for _, text := range narrate.Layout(l, c.Clock()) {
		lines = append(lines, term.Wrap(term.Safe(text), w, c.Theme.Dim.Render)...)
	}
	return lines
}

// unseenLines say what is not known because keys of sessions that others wait for are not
// read.
func unseenLines(c *nav.Context, w int) []string {
	var lines []string
	for _, text := range unseenNow(c) {
		lines = append(lines, term.Wrap("not known  "+term.Safe(text), w, c.Theme.Warning.Render)...)
	}
	return lines
}

// unseenNow is that, unless history is shown, which is not about now.
func unseenNow(c *nav.Context) []string {
	if c.InPast() {
		return nil
	}
	return c.Unseen
}

// filterTitle says that a table is filtered, by what it is sorted if its heading does not, and
// how many of its rows are marked.
func filterTitle(g widget.Grid) string {
	var title string
	if by := g.SortUnseen(); by != "" {
		title = " · by " + by
	}
	if g.Filtered() != "" {
		title += " · filter “" + term.Safe(g.Filtered()) + "”"
	}
	if n := g.MarkCount(); n > 0 {
		title += " · " + strconv.Itoa(n) + " marked"
	}
	return title
}

// orUnmatched returns what a table without rows says: empty, or that no row matches the
// filter, of which it is not known whether it would be true without it.
func orUnmatched(c *nav.Context, g widget.Grid, empty string) string {
	if g.Filtered() == "" {
		return empty
	}
	text := "no row matches “" + term.Safe(g.Filtered()) + "”; " + c.Key("esc") + " shows all"
	if odd := g.Odd(); odd != "" {
		text += "; " + term.Safe(odd)
	}
	return text
}

// age is how long something has lasted: "≤12m" is at most, "≥54s" at least.
func age(c *nav.Context, start inspect.Start) theme.Text {
	return theme.Styled(start.Short(c.Clock()), c.Theme.Plain)
}

// lasted says how long a request has held or waited, at the end of a line.
func lasted(r inspect.Request, now time.Time) string {
	words := r.Start().Words(now)
	if words == "" {
		return ""
	}
	if r.Holding {
		return " · has held for " + words
	}
	return " · has waited for " + words
}

// Short says the same in few words, for a dialog.
func Short(r inspect.Request, now time.Time) string {
	switch {
	case !r.Start().Known():
		return ""
	case r.Holding:
		return ", held " + r.Start().Short(now)
	default:
		return ", waits " + r.Start().Short(now)
	}
}
