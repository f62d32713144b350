package tui

import (
	"time"

	"etcd-lock/internal/inspect"
)

// data is what is known of etcd and of the user's own clients. Only effects
// change it, in Update; screens read it.
type data struct {
	now      time.Time // of the last message
	conn     connection
	status   Status
	live     snapshot
	frozen   *frozen // nil: the live snapshot is shown
	missed   int     // updates since the snapshot was frozen
	leases   leaseCache
	log      eventLog
	journal  journal
	queues   samples
	changes  *Changes      // the history, as far as it was read; nil: not at all
	clients  []*ownClient  // by number; none where no locks can be taken
	requests []*ownRequest // of these clients, oldest first

	scenarios scenarioList
	run       *scenarioRun // the latest; nil: there was none
	recording *recording   // nil: nothing is recorded
}

// snapshot is the locks at one revision, and what is wrong with them.
type snapshot struct {
	inspect.Snapshot
	verdict verdict // of this snapshot, or of one a little older
}

// known reports whether the snapshot was read.
func (s *snapshot) known() bool { return s.Revision != 0 }

// frozen is a snapshot that is shown in place of the live one, and why.
type frozen struct {
	snapshot
	mark  string    // in one word, for the header
	about string    // more of it, where there is room
	at    time.Time // when it was taken; zero: not known
	past  bool      // it is history, and not only paused
}

// shown returns the snapshot on the screen.
func (d *data) shown() *snapshot {
	if d.frozen != nil {
		return &d.frozen.snapshot
	}
	return &d.live
}

// clock returns the time that the screen shows, which stops with the snapshot.
func (d *data) clock() time.Time {
	if d.frozen != nil {
		return d.frozen.at
	}
	return d.now
}

// inPast reports whether the screens show history.
func (d *data) inPast() bool { return d.frozen != nil && d.frozen.past }

// connected reports whether etcd answers.
func (d *data) connected() bool { return d.conn.begun && !d.conn.lost }

// lease returns what etcd said of a lease lately.
func (d *data) lease(id int64) leaseFact { return d.leases.fresh(id, d.clock()) }

// leaseLeft returns the remaining time of a lease, less than 0 if the lease is
// gone, and whether it is known.
func (d *data) leaseLeft(id int64) (time.Duration, bool) { return d.leases.left(id, d.clock()) }

// recording is one that is going on.
type recording struct {
	path  string
	since time.Time
}
