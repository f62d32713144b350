package clusters

import (
	"context"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
)

// group is several contexts whose locks, sessions and problems are shown in one table each.
// The cluster of the row under the cursor is in front: keys go to it, and the header is about
// it.
type group struct {
	members []*member
	screens map[nav.Kind]nav.Screen // that its clusters share
	alone   bool                    // the one in front is shown alone: it travels in time
}

// member is a context of a group.
type member struct {
	name     string
	cluster  *cluster  // nil: it is not connected to
	password string    // that was asked for; empty: none was
	why      string    // connecting failed; empty: it has not yet
	final    bool      // it is not tried again by itself: a password may be wrong
	since    time.Time // when it failed first
}

// NewSeveral returns the UI on several clusters in one table, of which at least one is
// connected to. It ends their connections.
func NewSeveral(ctx context.Context, members []backend.Member) *Model {
	m := newModel(ctx, nil)
	g := &group{}
	if i := slices.IndexFunc(members, func(of backend.Member) bool { return of.Err == nil }); i >= 0 {
		m.contexts = members[i].Options.Contexts
	}
	for _, of := range members {
		one := &member{name: of.Name, password: of.Password}
		g.members = append(g.members, one)
		if of.Err != nil {
			one.fail(of.Err, m.contexts)
			continue
		}
		one.cluster = m.add(of.Options, of.End)
	}
	_ = m.showGroup(g) // nothing is known yet that a command could be about
	m.before = place{}
	for _, one := range g.members {
		if one.cluster == nil {
			one.since = m.front.Now
		}
	}
	m.arrange()
	return m
}

func (g *group) names() (names []string) {
	for _, one := range g.members {
		names = append(names, one.name)
	}
	return names
}

// find returns the member of that name, nil if there is none.
func (g *group) find(name string) *member {
	if g == nil {
		return nil
	}
	for _, one := range g.members {
		if one.name == name {
			return one
		}
	}
	return nil
}

// clusters are those of its members that are connected to.
func (g *group) clusters() (all []*cluster) {
	for _, one := range g.members {
		if one.cluster != nil {
			all = append(all, one.cluster)
		}
	}
	return all
}

// goToSeveral shows several contexts in one table, as soon as one of them is open.
func (m *Model) goToSeveral(names []string) tea.Cmd {
	if m.group != nil && slices.Equal(m.group.names(), names) {
		return m.tryAbsent()
	}
	g := &group{}
	for _, name := range names {
		g.members = append(g.members, &member{name: name, cluster: m.find(name)})
	}
	m.wanted, m.next = "", g
	var cmds []tea.Cmd
	for _, one := range g.members {
		if one.cluster == nil {
			cmds = append(cmds, m.begin(one.name))
		}
	}
	if len(g.clusters()) == 0 {
		return tea.Batch(append(cmds, m.front.Perform(nav.Flash{Text: "connecting to " + strings.Join(names, ", ") + " …"}))...)
	}
	return tea.Batch(append(cmds, m.showGroup(g))...)
}

// showGroup puts the clusters of a group into one table. They are shown as they are: those
// that travelled in time, or were paused, do not any more.
func (m *Model) showGroup(g *group) tea.Cmd {
	cmds := []tea.Cmd{}
	if m.front != nil {
		m.remember()
		cmds = append(cmds, m.leave())
	}
	m.group, m.next = g, nil
	open := g.clusters()
	if !slices.Contains(open, m.front) {
		m.front = open[0]
	}
	for _, c := range open {
		if c.Travels() {
			cmds = append(cmds, c.Perform(nav.GoLive{}))
		}
		cmds = append(cmds, c.SetPaused(false))
	}
	m.surround()
	g.screens = m.front.Shared()
	for _, c := range open {
		cmds = append(cmds, c.update(m.size), m.join(c))
	}
	m.front.Behind(nil)
	m.front.Arrive()
	return tea.Batch(append(cmds, m.front.Perform(nav.Flash{Text: "contexts " + strings.Join(g.names(), ", ")}))...)
}

// join has a cluster of the group share its tables, behind the one in front.
func (m *Model) join(c *cluster) tea.Cmd {
	c.Join(m.group.screens)
	if c != m.front {
		c.Behind(m.say)
	}
	m.arrange()
	return m.front.Redraw()
}

// leave has the clusters of the group be shown alone again.
func (m *Model) leave() tea.Cmd {
	if m.group == nil {
		return nil
	}
	var cmds []tea.Cmd
	for _, c := range m.group.clusters() {
		c.Together, c.Absent = nil, nil
		c.Join(nil)
		c.Behind(nil)
		cmds = append(cmds, c.SetPaused(false))
	}
	m.group = nil
	return tea.Batch(cmds...)
}

// say says in front what a cluster behind it has to say.
func (m *Model) say(f nav.Flash) { _ = m.front.Perform(f) } // which has no command

// surround has all clusters of the group know which are shown with them.
func (m *Model) surround() {
	var together []*nav.Context
	var absent []nav.Absent
	for _, one := range m.group.members {
		switch {
		case one.cluster == nil:
			absent = append(absent, nav.Absent{Name: one.name, Why: one.why, Since: one.since, Again: m.again(one)})
		case !m.group.alone || one.cluster == m.front:
			together = append(together, one.cluster.Context)
		}
	}
	for _, c := range m.group.clusters() {
		c.Together, c.Absent = together, absent
	}
}

// arrange has the tables show the clusters that are to be shown now.
func (m *Model) arrange() {
	m.surround()
	for _, s := range m.group.screens {
		s.(nav.Roamer).MoveTo(m.front.Context)
	}
	m.front.Refit()
}

// follow puts the cluster in front that the user looks at: the one of the row under the
// cursor, or the one that travels in time, which is shown alone. All are paused together.
func (m *Model) follow() tea.Cmd {
	g := m.group
	if g == nil {
		return nil
	}
	if t := m.traveller(); (t != nil) != g.alone && (t == nil || t == m.front || !m.front.Busy()) {
		g.alone = t != nil
		if t != nil {
			m.focus(t)
		}
		m.arrange()
	}
	var cmds []tea.Cmd
	for _, c := range g.clusters() {
		if c != m.front {
			cmds = append(cmds, c.SetPaused(m.front.Paused())) // which can bring another row under the cursor
		}
	}
	m.focus(m.looked())
	shared, is := m.front.Screen().(nav.Roamer)
	if is && shared.At() == nil {
		shared.MoveTo(m.front.Context)
	}
	for _, c := range g.clusters() {
		if is && c != m.front && c.Screen() != m.front.Screen() {
			c.Mirror(m.front.Model)
		}
	}
	return tea.Batch(cmds...)
}

// traveller is the cluster that shows the past, nil if none does.
func (m *Model) traveller() *cluster {
	for _, c := range append([]*cluster{m.front}, m.group.clusters()...) {
		if c.Travels() {
			return c
		}
	}
	return nil
}

// looked is the cluster that the user looks at: the one in front while it has a dialog, a line
// or a screen of its own open, else one that asks something, else the one of the row under the
// cursor.
func (m *Model) looked() *cluster {
	at := m.front.At()
	if at == nil || m.front.Busy() {
		return m.front
	}
	for _, c := range m.group.clusters() {
		if c.Asks() {
			return c
		}
	}
	return m.of(at)
}

// of returns the cluster of a context, the one in front if it is not in the group.
func (m *Model) of(at *nav.Context) *cluster {
	for _, c := range m.group.clusters() {
		if c.Context == at {
			return c
		}
	}
	return m.front
}

// focus puts a cluster of the group in front.
func (m *Model) focus(to *cluster) {
	if to == m.front {
		return
	}
	from := m.front
	from.Behind(m.say)
	to.Behind(nil)
	m.front = to
	to.TakeOver(from.Model)
}

// goIn opens a lock of a cluster of the group, whose row is under the cursor.
func (m *Model) goIn(a nav.In) tea.Cmd {
	if m.group == nil {
		return nil
	}
	m.focus(m.of(a.Of))
	return m.front.Perform(a)
}
