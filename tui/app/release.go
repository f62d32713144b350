package app

import (
	"slices"
	"strconv"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/narrate"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/describe"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/screens"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/widget"
)

// wordMost is the length of the longest name that has to be typed.
const wordMost = 24

// wordFor returns what must be typed when more than one lock is hit, or a key
// that counts as no lock request: the name of the client, else its session's lease.
func wordFor(r backend.Release) string {
	if len(r.Locks())+len(r.Others) < 2 {
		return ""
	}
	for _, g := range r.Gone {
		if l := g.Owner.Value().Label; g.Owned && l != "" && len(l) <= wordMost && term.IsPlain(l) {
			return l
		}
	}
	return term.Lease(r.Lease, 16)
}

// planDialog asks whether to apply a plan.
func planDialog(c *nav.Context, t diagnose.Target, plan backend.Release) *widget.Dialog {
	d := &widget.Dialog{Title: nav.ReleaseTitle(t), Lines: planLines(c, t, plan), Word: wordFor(plan), Yes: "Release"}
	if t.Lease != 0 {
		d.Yes = "Revoke"
	}
	return d
}

// notDone ends the title of a dialog, or a note about it.
const notDone = ": not done"

// failureDialog says why nothing was done, or not all, in lines of w cells, and
// offers to plan again.
func failureDialog(c *nav.Context, t diagnose.Target, err error, w int) *widget.Dialog {
	return &widget.Dialog{
		Title: nav.ReleaseTitle(t) + notDone,
		Lines: append(term.Wrap(term.Safe(format.Plainly(err)), w, c.Theme.Lost.Render),
			"", "Check again shows what would be released now; nothing is done yet."),
		Yes: "Check again",
	}
}

// planLines say what a release would remove, who is next, and what guards it.
func planLines(c *nav.Context, t diagnose.Target, plan backend.Release) []string {
	var lines []string
	for _, o := range plan.Others {
		lines = append(lines, c.Theme.Lost.Render("✗")+" deletes "+term.Safe(o.Key)+", which is "+term.Safe(o.AsOther()))
	}
	for _, r := range plan.Gone {
		lines = append(lines, screens.GoneLine(c.Theme, r)+ofWhom(c, r))
	}
	if len(lines) == 0 {
		lines = []string{"the session has no keys"}
	} else {
		lines = append(lines, screens.NextLines(c.Theme, slices.Concat(plan.Gone, plan.Others), plan.Granted)...)
	}
	if says := describe.Renewals(c, leaseOf(plan)); says != "" {
		lines = append(lines, c.Theme.Warning.Render("·")+" "+says)
	}
	if slices.ContainsFunc(plan.Gone, func(r inspect.Request) bool { return r.Holding }) {
		lines = append(lines, "",
			c.Theme.Warning.Render("!")+" The client may keep working as if it held the lock. Make sure",
			"  that it has stopped, or that its writes are fenced.")
	}
	lines = append(lines, "",
		c.Theme.Dim.Render("Planned at revision "+strconv.FormatInt(plan.Revision, 10)+"; aborted if any of these keys changed since."))
	if plan.InParts {
		lines = append(lines, c.Theme.Dim.Render(strconv.Itoa(len(plan.Gone)+len(plan.Others))+" keys are too many for one transaction: a key that is"),
			c.Theme.Dim.Render("attached to the lease while these are checked is deleted too."))
	}
	if args := narrate.Etcdctl(t); args != nil {
		lines = append(lines, c.Theme.Dim.Render("Unconditional equivalent:"), c.Theme.Dim.Render("  "+c.Flags.EtcdctlLine(args...)))
	}
	return lines
}

// leaseOf is the lease of what a release removes.
func leaseOf(plan backend.Release) int64 {
	if plan.Lease == 0 && len(plan.Gone) > 0 {
		return plan.Gone[0].Lease
	}
	return plan.Lease
}

// ofWhom says at the end of a line which request it is about.
func ofWhom(c *nav.Context, r inspect.Request) string {
	who := c.Theme.Dim.Render("  of " + state.Who(r) + ", token " + strconv.FormatInt(r.Revision, 10) + screens.Short(r, c.Clock()))
	if c.IsOwn(r) {
		who += c.Theme.Own.Render(" * yours")
	}
	return who
}
