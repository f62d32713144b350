package tui

import (
	"slices"
	"strconv"
	"strings"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/printable"
)

// wordMost is the length of the longest name that has to be typed.
const wordMost = 24

// wordFor returns what must be typed when more than one lock is hit, or a key
// that is no lock request: the name of the client, else its session's lease.
func wordFor(r Release) string {
	if len(r.Locks())+len(r.Others) < 2 {
		return ""
	}
	for _, g := range r.Gone {
		if l := g.Owner.Label; g.Owned && l != "" && len(l) <= wordMost && isPlain(l) {
			return l
		}
	}
	return leaseText(r.Lease, 16)
}

// planDialog asks whether a plan is to be carried out.
func planDialog(c *Context, t Target, plan Release) *dialog {
	d := &dialog{title: t.String(), lines: planLines(c, t, plan), word: wordFor(plan), yes: "Release it"}
	if t.Lease != 0 {
		d.yes = "End it"
	}
	return d
}

// failureDialog says why nothing was done, or not all, in lines of w cells, and
// offers to plan again.
func failureDialog(c *Context, t Target, err error, w int) *dialog {
	return &dialog{
		title: t.String() + ": not done",
		lines: append(wrapped(safe(plainly(err)), w, c.theme.lost.Render),
			"", "Look again shows what would go now; it does nothing yet."),
		yes: "Look again",
	}
}

// planLines say what a release would remove, who is next, and what guards it.
func planLines(c *Context, t Target, plan Release) []string {
	var lines []string
	for _, k := range plan.Others {
		lines = append(lines, c.theme.lost.Render("✗")+" deletes "+safe(k)+", which is no lock request")
	}
	for _, r := range plan.Gone {
		lines = append(lines, goneLine(c.theme, r)+ofWhom(c, r))
	}
	if len(lines) == 0 {
		lines = []string{"the session has no keys"}
	} else {
		lines = append(lines, nextLines(c.theme, plan.Granted)...)
	}
	if slices.ContainsFunc(plan.Gone, func(r inspect.Request) bool { return r.Holding }) {
		lines = append(lines, "",
			c.theme.warning.Render("!")+" Its client may go on as if it held it. Be sure that it is dead,",
			"  or that what it writes is fenced.")
	}
	return append(lines, "",
		c.theme.dim.Render("As of revision "+strconv.FormatInt(plan.Revision, 10)+"; not done if any of it has changed since."),
		c.theme.dim.Render("Without looking, this does it:"),
		c.theme.dim.Render("  "+printable.Shell(etcdctl(t)...)),
	)
}

// ofWhom says at the end of a line which request it is about.
func ofWhom(c *Context, r inspect.Request) string {
	who := c.theme.dim.Render("  of " + ownerOrSession(r) + ", token " + strconv.FormatInt(r.Revision, 10))
	if c.isOwn(r) {
		who += c.theme.own.Render(" * ours")
	}
	return who
}

// etcdctl is the command that does the same unconditionally.
func etcdctl(t Target) []string {
	switch {
	case t.Lease != 0:
		return []string{"etcdctl", "lease", "revoke", leaseText(t.Lease, 16)}
	case strings.HasPrefix(t.Key, "-"):
		return []string{"etcdctl", "del", "--", t.Key}
	default:
		return []string{"etcdctl", "del", t.Key}
	}
}
