package tui

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// takeKeys take and give back locks, on every screen that shows some.
type takeKeys struct {
	*common
	read, write, release, name key.Binding
}

func newTakeKeys(c *common) takeKeys {
	k := takeKeys{
		common:  c,
		read:    bind("r", "read: ask for a read lock on the name", "r"),
		write:   bind("w", "write: ask for a write lock on the name", "w"),
		release: bind("u", "unlock: give back ours, the latest first", "u"),
		name:    bind("n", "new: type the name of a lock to take", "n"),
	}
	for _, b := range []*key.Binding{&k.read, &k.write, &k.release, &k.name} {
		b.SetEnabled(c.canTake())
	}
	return k
}

func (k takeKeys) all() []key.Binding {
	return inPresent(k.common, k.read, k.write, k.release, k.name)
}

func (k takeKeys) matches(msg tea.KeyPressMsg) bool { return key.Matches(msg, k.all()...) }

// cmd does what the key says to a lock. u prefers the request with that key.
func (k takeKeys) cmd(msg tea.KeyPressMsg, id inspect.LockID, request string) tea.Cmd {
	switch {
	case key.Matches(msg, k.name):
		return k.request(nameMsg{})
	case key.Matches(msg, k.release):
		return k.request(giveMsg{id, request})
	case key.Matches(msg, k.read):
		return k.request(takeMsg{lock: id, mode: keyspace.Read})
	default:
		return k.request(takeMsg{lock: id, mode: keyspace.Write})
	}
}

// none is cmd where no lock is selected.
func (k takeKeys) none(msg tea.KeyPressMsg) tea.Cmd {
	if key.Matches(msg, k.name) {
		return k.request(nameMsg{})
	}
	return k.say("no name is selected; " + k.name.Help().Key + " to type one")
}
