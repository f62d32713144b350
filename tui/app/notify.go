package app

import (
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/widget"
)

// notifiable returns what the user can be notified of about the row under the cursor.
func (m *Model) notifiable() []state.Notification {
	if s, ok := m.screens.Front().(nav.Notifiable); ok {
		return s.Notifiable()
	}
	return nil
}

// offNotify returns why there is nothing to be notified of.
func (m *Model) offNotify() widget.Off {
	switch {
	case m.Can.Recording:
		return m.Needs(false)
	case len(m.notifiable()) == 0:
		return widget.Off{Why: "no lock, session or problem is selected", Shown: true}
	default:
		return widget.Off{}
	}
}

// askNotify asks what the user wants to be notified of. What is waited for already can be
// ended.
func (m *Model) askNotify() nav.Action {
	var items []string
	var then []nav.Action
	for _, n := range m.notifiable() {
		item, do := "when "+n.String(), nav.Action(nav.Notify{Of: n})
		if open := m.Notifications.Find(&n); open != nil {
			item, do = "not any more: "+item, nav.EndNotification{ID: open.ID}
		}
		items, then = append(items, item), append(then, do)
	}
	return nav.Pick{
		Title: "notify me once", Items: append(items, "list all notifications"),
		Accept: func(i int) nav.Action { return append(then, nav.OpenView(nav.KindNotifications))[i] },
	}
}
