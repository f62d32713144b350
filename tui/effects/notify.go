package effects

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/format"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
)

// notifications tells the user of what was waited for.
type notifications struct{ *env }

// add has the user be told, once.
func (t *notifications) add(n state.Notification) nav.Action {
	n.Asked = t.Now
	switch {
	case !t.Live.Known() || n.OfVerdict() && !t.Live.Verdict.Known:
		return nav.Flash{Error: true, Text: "nothing is known yet"}
	case n.Begin(&t.Live):
		return nav.Flash{Text: n.String() + " already"}
	case !t.Notifications.Add(n):
		return nav.Flash{Error: true, Text: "too many notifications are waited for: :notifications lists them"}
	}
	return nav.Flash{Text: "notifies you when " + n.String() + ": :notifications lists all"}
}

// check tells the user what has happened, by a snapshot, or by the verdict on it.
func (t *notifications) check(byVerdict bool) nav.Action {
	var told nav.Batch
	for _, n := range t.Notifications.All {
		if !n.Open() || n.OfVerdict() != byVerdict {
			continue
		}
		if text, happened := n.Check(&t.Live); happened {
			t.Notifications.Tell(n, t.Now, text)
			told = append(told, t.tell(n))
		}
	}
	if len(told) == 0 {
		return nil
	}
	return told
}

// tell says what happened: on the status line, in the log, by the terminal, and to a program.
func (t *notifications) tell(n *state.Notification) nav.Action {
	all := nav.Batch{nav.Note("! " + n.Text)}
	if raw := signals(t.ports.Signals, n.Text); raw != "" {
		all = append(all, nav.Do{Cmd: tea.Raw(raw)})
	}
	if t.ports.Notifier == nil {
		return all
	}
	ctx, notifier := t.Tasks.Ctx, t.ports.Notifier
	notice := backend.Notice{Event: string(n.When), Text: n.Text, Lock: n.Lock.Name}
	return append(all, t.background(func() tea.Msg { return notifiedMsg{notifier.Notify(ctx, notice)} }))
}

// notifiedMsg says how telling a program ended.
type notifiedMsg struct{ err error }

func (msg notifiedMsg) Apply(*Effects) nav.Action {
	if msg.err == nil {
		return nil
	}
	return nav.Fail("the program to notify failed: " + format.Plainly(msg.err))
}

// signalMost bounds the text that a terminal is sent, in cells.
const signalMost = 200

// signals returns what has the terminal notify its user. The text comes from etcd, so it is
// made printable again here: nothing in it ends the sequence, begins another one, or is taken
// for a parameter, as it does not come first.
func signals(kinds []string, text string) string {
	text = "etcd-lock: " + term.Cut(term.Safe(text), signalMost)
	var b strings.Builder
	for _, kind := range backend.Signals() {
		if !slices.Contains(kinds, kind) {
			continue
		}
		switch kind {
		case backend.SignalBell:
			b.WriteString("\a")
		case backend.SignalOSC9:
			b.WriteString("\x1b]9;" + text + "\a")
		case backend.SignalOSC777:
			b.WriteString("\x1b]777;notify;etcd-lock;" + strings.ReplaceAll(text, ";", ",") + "\a")
		}
	}
	return b.String()
}
