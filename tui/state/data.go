// Package state holds the data that the UI shows: the locks and their findings,
// the connection, leases, the user's own clients and requests, the log, and the
// running scenario. It does no I/O and draws nothing.
package state

import (
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/lockclass"
	"etcd-lock/tui/backend"
)

// Data is the state of the UI. Only effects change it, in Update; screens read
// it.
type Data struct {
	Now      time.Time // of the last message
	Conn     connection
	Status   backend.Status
	Live     Snapshot
	Frozen   *Frozen // nil: the live snapshot is shown
	Missed   int     // updates since the snapshot was frozen
	Leases   LeaseCache
	Unseen   []string // what is not known because keys of sessions that others wait for are not read, a sentence each
	Log      Log
	Commands Commands

	Notifications Notifications
	Journal       journal
	Queues        Samples
	Changes       *backend.Changes // the history, as far as read; nil: not at all
	Overview      backend.Overview // of the recording, as far as read
	Play          Play
	Costs         Costs     // of the live watch, since the UI began
	Recorded      Costs     // of the part of the recording that the time line shows
	Potential     Potential // deadlocks, of the live watch too
	Classes       lockclass.Rules
	Clients       []*OwnClient  // by number; none where no locks can be taken
	Requests      []*OwnRequest // of these clients, oldest first

	Renamed map[string]map[string]string // keys that the user calls otherwise, by screen; "" is all screens

	Scenarios scenarioList
	Run       *Run       // the latest; nil: there was none
	Recording *Recording // nil: nothing is recorded
}

// Key returns how the user calls a key that works on all screens.
func (d *Data) Key(name string) string { return d.KeyOn("", name) }

// KeyOn returns how the user calls a key on a screen.
func (d *Data) KeyOn(screen, name string) string {
	if to, ok := d.Renamed[screen][name]; ok {
		return to
	}
	return name
}

// Snapshot is the locks at one revision, with their findings.
type Snapshot struct {
	inspect.Snapshot
	Verdict Verdict // of this snapshot, or of one a little older
}

// Known reports whether the snapshot was read.
func (s *Snapshot) Known() bool { return s.Revision != 0 }

// Shown returns the snapshot on the screen.
func (d *Data) Shown() *Snapshot {
	if d.Frozen != nil {
		return &d.Frozen.Snapshot
	}
	return &d.Live
}

// Connected reports whether etcd answers.
func (d *Data) Connected() bool { return d.Conn.Begun && !d.Conn.Lost }

// Recording is one that is going on.
type Recording struct {
	Path  string
	Since time.Time
}
