package clusters

import (
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/tui/backend"
	"etcd-lock/tui/effects"
	"etcd-lock/tui/nav"
)

// usualRetry is how long after it failed a member is connected to again.
const usualRetry = 5 * time.Second

// failed notes that a context could not be connected to. A member of the group is tried again.
func (m *Model) failed(msg openedMsg) tea.Cmd {
	for _, g := range []*group{m.group, m.next} {
		if one := g.find(msg.name); one != nil {
			if one.why == "" {
				one.since = m.front.Now
			}
			one.fail(msg.err, m.contexts)
		}
	}
	if m.group.find(msg.name) != nil && m.wanted != msg.name {
		m.arrange()
		return tea.Batch(m.retry(m.group.find(msg.name)), m.front.Redraw())
	}
	if m.wanted != msg.name && m.next.find(msg.name) == nil {
		return nil // the user has gone elsewhere
	}
	if m.wanted == msg.name {
		m.wanted = ""
	}
	if m.next != nil && !slices.ContainsFunc(m.next.members, func(one *member) bool { return m.opening[one.name] }) {
		m.next = nil
	}
	return m.front.Perform(nav.Flash{Error: true, Text: "ctx " + msg.name + ": " + msg.err.Error()})
}

// retryAll has those members of the group tried again that are not connected to.
func (m *Model) retryAll() tea.Cmd {
	var cmds []tea.Cmd
	for _, one := range m.group.members {
		if one.cluster == nil {
			cmds = append(cmds, m.retry(one))
		}
	}
	return tea.Batch(cmds...)
}

// tryAbsent connects at once to those members of the group that are not connected to, and
// asks for their passwords anew.
func (m *Model) tryAbsent() tea.Cmd {
	var cmds []tea.Cmd
	var names []string
	for _, one := range m.group.members {
		if one.cluster == nil {
			names, cmds = append(names, one.name), append(cmds, m.begin(one.name))
			one.why, one.final = "", false
		}
	}
	m.arrange()
	text := "contexts " + strings.Join(m.group.names(), ", ") + " are shown"
	if names != nil {
		text = "connecting to " + strings.Join(names, ", ") + " …"
	}
	return tea.Batch(append(cmds, m.front.Perform(nav.Flash{Text: text}))...)
}

// again is the command that tries a member again, "" if that is done without.
func (m *Model) again(one *member) string {
	if one.why == "" || m.opening[one.name] || !m.waits(one) {
		return ""
	}
	return ":ctx " + strings.Join(m.group.names(), ",")
}

// waits reports whether a member is tried again only when its user says so.
func (m *Model) waits(one *member) bool {
	return one.final || one.password == "" && m.needsPassword(one.name)
}

// fail notes why a member could not be connected to.
func (one *member) fail(err error, contexts backend.Contexts) {
	one.why, one.final = err.Error(), contexts.Final(err)
}

// retry has a member tried again after a while, unless that is for its user to do.
func (m *Model) retry(one *member) tea.Cmd {
	if m.waits(one) {
		return nil
	}
	ctx, g, after := m.tasks.Ctx, m.group, m.retryAfter
	return m.tasks.Cmd(func() tea.Msg {
		if !effects.Sleep(ctx.Done(), after) {
			return nil
		}
		return retryMsg{g, one}
	})
}

// retried connects to a member again, if it is still wanted.
func (m *Model) retried(msg retryMsg) tea.Cmd {
	if m.group != msg.of || msg.member.cluster != nil || m.opening[msg.member.name] {
		return nil
	}
	return m.connect(msg.member.name, msg.member.password)
}
