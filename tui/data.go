package tui

import (
	"time"

	"etcd-lock/internal/inspect"
)

// data is what is known of etcd.
type data struct {
	conn    connection
	status  Status
	live    picture
	still   *still // nil: the live picture is shown
	missed  int    // updates since the picture stands still
	book    leaseBook
	log     logBook
	journal journal
	queues  samples
	ours    []*ourRequest // oldest first
	trail   *Changes      // of the past, as far as it was asked for
	clients []*ourClient  // by number; none where no locks can be taken
}

// picture is the locks at one revision, and what is wrong with them.
type picture struct {
	snapshot inspect.Snapshot
	verdict  verdict // of this snapshot, or of one a little older
}

// known reports whether there is one.
func (p *picture) known() bool { return p.snapshot.Revision != 0 }

// still is a picture that stands still, and why, in a loud word.
type still struct {
	picture
	mark  string
	about string    // said where there is room
	at    time.Time // zero: nobody knows when it was
	past  bool      // it is not even of the present
}

// shown is the picture on the screen.
func (d *data) shown() *picture {
	if d.still != nil {
		return &d.still.picture
	}
	return &d.live
}

// stillMsg shows a picture that stands still until the next one, or the live
// one when it is nil.
type stillMsg struct{ still *still }

// inPast reports whether the screens show what is no more.
func (d *data) inPast() bool { return d.still != nil && d.still.past }

// connected reports whether etcd answers.
func (d *data) connected() bool { return d.conn.begun && !d.conn.lost }
