package tui

import (
	"slices"
	"strconv"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/narrate"
	"etcd-lock/internal/printable"
)

// forceKeys end what belongs to other clients, on every screen that shows it.
// Each opens a dialog: no key does it unasked.
type forceKeys struct {
	*common
	release, end key.Binding
}

func newForceKeys(c *common) forceKeys {
	k := forceKeys{
		common:  c,
		release: bind("ctrl+d", "delete: release the request under the cursor by force", "ctrl+d"),
		end:     bind("ctrl+k", "kill: end its session by force, with all of its locks", "ctrl+k"),
	}
	can := c.opts.Releaser != nil && !c.opts.ReadOnly
	k.release.SetEnabled(can)
	k.end.SetEnabled(can)
	return k
}

// inPresent are keys that do something, which nobody can do to the past.
func inPresent(c *common, keys ...key.Binding) []key.Binding {
	for i := range keys {
		keys[i].SetEnabled(keys[i].Enabled() && !c.inPast())
	}
	return keys
}

func (k forceKeys) all() []key.Binding { return inPresent(k.common, k.release, k.end) }

func (k forceKeys) matches(msg tea.KeyPressMsg) bool { return key.Matches(msg, k.all()...) }

// ends reports whether the key ends a session.
func (k forceKeys) ends(msg tea.KeyPressMsg) bool {
	return key.Matches(msg, inPresent(k.common, k.end)...)
}

// forceTitle heads these keys in the help, apart from all others.
const forceTitle = "danger: shown first, and asked"

func (k forceKeys) group() keyGroup { return keyGroup{forceTitle, k.all()} }

// endGroup is that of a screen where there are only sessions, or remedies.
func (k forceKeys) endGroup(desc string) keyGroup {
	return keyGroup{forceTitle, inPresent(k.common, described(k.end, desc))}
}

// cmd does what the key says to a request.
func (k forceKeys) cmd(msg tea.KeyPressMsg, request string, lease int64) tea.Cmd {
	switch {
	case k.ends(msg) && lease != 0:
		return k.request(releaseMsg{lease: lease})
	case request == "":
		return k.say("no request is selected")
	default:
		return k.request(releaseMsg{key: request})
	}
}

// session ends one. A session without a lease is a single request.
func (k forceKeys) session(s *inspect.Session) tea.Cmd {
	if s.ID.Lease == 0 {
		return k.request(releaseMsg{key: s.Requests[0].Key})
	}
	return k.request(releaseMsg{lease: s.ID.Lease})
}

// remedy carries one out.
func (k forceKeys) remedy(r diagnose.Remedy) tea.Cmd {
	return k.request(releaseMsg{key: r.Target.Key, lease: r.Target.Lease})
}

// releaseMsg asks to release a request by its key, or a session by its lease.
// plannedMsg brings what that would do, for the dialog that waits for it, and
// carriedMsg what came of it.
type (
	releaseMsg struct {
		key   string
		lease int64
	}
	plannedMsg struct {
		of     releaseMsg
		dialog *dialog
		plan   Release
		err    error
	}
	carriedMsg struct {
		of       releaseMsg
		plan     Release
		revision int64
		err      error
	}
)

func (r releaseMsg) String() string {
	if r.lease != 0 {
		return "end session " + leaseText(r.lease, 16)
	}
	return "release one request"
}

// etcdctl is what does the same without looking.
func (r releaseMsg) etcdctl() []string {
	return append([]string{"etcdctl"}, narrate.Etcdctl(diagnose.Target{Lease: r.lease, Key: r.key})...)
}

// plan looks what a release would do. Its dialog is open already, so that no
// key that is pressed meanwhile goes elsewhere, or is taken for an answer.
func (m *model) plan(r releaseMsg) tea.Cmd {
	d := &dialog{title: r.String(), lines: []string{"looking what would go …"}}
	m.openDialog(d)
	ctx, releaser := m.tasks.ctx, m.opts.Releaser
	return m.tasks.cmd(func() (msg tea.Msg) {
		p := plannedMsg{of: r, dialog: d}
		if r.lease != 0 {
			p.plan, p.err = releaser.Session(ctx, r.lease)
		} else {
			p.plan, p.err = releaser.Request(ctx, r.key)
		}
		return p
	})
}

// planned asks whether what would go is to go.
func (m *model) planned(msg plannedMsg) {
	if m.dialog != msg.dialog {
		return // closed meanwhile
	}
	if msg.err != nil {
		m.openDialog(m.failure(msg.of, msg.err))
		return
	}
	m.openDialog(&dialog{
		title: msg.of.String(), lines: m.planLines(msg.of, msg.plan), word: msg.plan.word(),
		yes: map[bool]string{true: "End it", false: "Release it"}[msg.of.lease != 0],
		run: func() tea.Cmd { return m.carry(msg.of, msg.plan) },
	})
}

// failure says why nothing was done, or not all, and offers to look again.
func (m *model) failure(r releaseMsg, err error) *dialog {
	lines := wrapped(safe(plainly(err)), min(max(m.width-8, 20), 100), m.theme.lost.Render)
	return &dialog{
		title: r.String() + ": not done",
		lines: append(lines, "", "Look again shows what would go now; it does nothing yet."),
		yes:   "Look again",
		run:   func() tea.Cmd { return m.plan(r) },
	}
}

// hits are the locks that a release takes requests from.
func (r Release) hits() []inspect.LockID {
	var ids []inspect.LockID
	for _, g := range r.Gone {
		if !slices.Contains(ids, g.Lock) {
			ids = append(ids, g.Lock)
		}
	}
	return ids
}

// wordMost is how long a name may be that somebody has to type.
const wordMost = 24

// word is what must be typed when more than one lock is hit, or what is no lock
// at all: the name of the client, else its session's lease.
func (r Release) word() string {
	if len(r.hits())+len(r.Others) < 2 {
		return ""
	}
	for _, g := range r.Gone {
		if l := g.Owner.Label; g.Owned && l != "" && len(l) <= wordMost && isPlain(l) {
			return l
		}
	}
	return leaseText(r.Lease, 16)
}

// planLines say what would go, who is next, and what guards it.
func (m *model) planLines(r releaseMsg, plan Release) []string {
	lines := m.previewLines(plan.Gone, plan.Granted)
	for i, g := range plan.Gone {
		who := ownerText(g.Owner, g.Owned)
		if who == "-" {
			who = sessionText(g)
		}
		lines[i] += m.theme.dim.Render("  of " + who + ", token " + strconv.FormatInt(g.Revision, 10))
		if m.isOurs(g) {
			lines[i] += m.theme.ours.Render(" * ours")
		}
	}
	var others []string
	for _, k := range plan.Others {
		others = append(others, m.theme.lost.Render("✗")+" deletes "+safe(k)+", which is no lock request")
	}
	if len(plan.Gone)+len(others) == 0 {
		lines = []string{"the session has no keys"}
	}
	lines = slices.Concat(others, lines)
	if slices.ContainsFunc(plan.Gone, func(r inspect.Request) bool { return r.Holding }) {
		lines = append(lines, "",
			m.theme.warning.Render("!")+" Its client may go on as if it held it. Be sure that it is dead,",
			"  or that what it writes is fenced.")
	}
	return append(lines, "",
		m.theme.dim.Render("As of revision "+strconv.FormatInt(plan.Revision, 10)+"; not done if any of it has changed since."),
		m.theme.dim.Render("Without looking, this does it:"),
		m.theme.dim.Render("  "+printable.Shell(r.etcdctl()...)),
	)
}

// previewLines say what goes, and who is next.
func (c *common) previewLines(gone, granted []inspect.Request) []string {
	lines := make([]string, 0, len(gone)+len(granted)+1)
	for _, r := range gone {
		g, does := requestSign(c.theme, r.Holding), "releases "
		if !r.Holding {
			does = "gives up its wait for "
		}
		lines = append(lines, g.style.Render(g.text)+" "+does+r.Mode.String()+" "+safe(r.Lock.Name))
	}
	for _, r := range granted {
		lines = append(lines, c.theme.ours.Render("→")+" next: "+whose(r)+" gets "+r.Mode.String()+" "+safe(r.Lock.Name))
	}
	if len(granted) == 0 {
		lines = append(lines, c.theme.dim.Render("nobody is granted anything by that"))
	}
	return lines
}

// whose says whose a request is, by what is known.
func whose(r inspect.Request) string {
	if who := ownerText(r.Owner, r.Owned); who != "-" {
		return who
	}
	return sessionText(r)
}

// carry does what was agreed to.
func (m *model) carry(r releaseMsg, plan Release) tea.Cmd {
	m.flashUp(flashInfo, r.String()+" …")
	ctx := m.tasks.ctx
	return m.tasks.cmd(func() tea.Msg {
		revision, err := plan.Carry(ctx)
		return carriedMsg{of: r, plan: plan, revision: revision, err: err}
	})
}

// carried tells what came of it. Who holds now is told when the watch has come
// to that.
func (m *model) carried(msg carriedMsg) {
	if msg.revision != 0 {
		m.gone = &goneNote{plan: msg.plan, revision: msg.revision}
		m.tell(entryNote, m.gone.String())
		m.tellNext()
	}
	if msg.err == nil {
		return
	}
	m.tell(entryError, msg.of.String()+": "+plainly(msg.err))
	if m.dialog == nil && m.mode == modeBrowse {
		m.openDialog(m.failure(msg.of, msg.err))
	}
}

// goneNote is what was released, until it is told who holds now.
type goneNote struct {
	plan     Release
	revision int64
}

func (g goneNote) String() string {
	at := " at revision " + strconv.FormatInt(g.revision, 10)
	switch gone := g.plan.Gone; {
	case len(gone) == 0:
		return "session " + leaseText(g.plan.Lease, 16) + " ended" + at
	case len(gone) == 1:
		return "gone: " + gone[0].Mode.String() + " " + safe(gone[0].Lock.Name) + " of " + whose(gone[0]) + at
	default:
		return "gone: " + count(len(gone), "request", "requests") + " of " + whose(gone[0]) + at
	}
}

// tellNext says who holds what was released, once the picture is of after that.
func (m *model) tellNext() {
	if m.gone == nil || m.live.snapshot.Revision < m.gone.revision {
		return
	}
	var now []string
	for _, id := range m.gone.plan.hits() {
		l, _ := m.live.snapshot.Find(id)
		now = append(now, holdersText(id, l.Queue))
	}
	text := strings.Join(now, "; ")
	went := m.gone.String()
	m.gone = nil
	if text == "" {
		return
	}
	m.log.add(entryNote, m.now, text)
	m.flashUp(flashInfo, text+"; "+went)
}

// holdersText says who holds a lock.
func holdersText(id inspect.LockID, queue []inspect.Request) string {
	n := 0
	for _, r := range queue {
		n += boolInt(r.Holding)
	}
	name := safe(id.Name)
	switch n {
	case 0:
		return name + " is free now"
	case 1:
		return name + " is held now by " + whose(queue[0]) + " (" + queue[0].Mode.String() + ")"
	default:
		return name + " is held now by " + count(n, "reader", "readers")
	}
}
