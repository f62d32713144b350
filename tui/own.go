package tui

import (
	"slices"
	"strconv"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// The client that takes locks where none was chosen.
const (
	firstClient = "tui"
	firstTTL    = 10 * time.Second
)

// ownClient is a client of the user of the UI. Only effects change it.
type ownClient struct {
	Client
	number int
	label  string
	ttl    time.Duration // that was asked for
	doing  string        // what is under way; empty: nothing
	ended  []*ownRequest // that failed or were lost, oldest first
}

func (c *ownClient) String() string { return "client " + strconv.Itoa(c.number) + " " + c.label }

// endedKept is how many failed requests a client shows.
const endedKept = 3

// remember keeps a request that failed or was lost, for the list.
func (c *ownClient) remember(r *ownRequest) {
	c.ended = append(c.ended, r)
	c.ended = c.ended[max(len(c.ended)-endedKept, 0):]
}

// forget takes a request that has ended off the list.
func (c *ownClient) forget(r *ownRequest) {
	c.ended = slices.DeleteFunc(c.ended, func(o *ownRequest) bool { return o == r })
}

// ownState is how far an own request has come.
type ownState int

const (
	ownWaiting   ownState = iota // for its ticket, or for the lock
	ownHeld                      // granted
	ownReleasing                 // being canceled or released
	ownStuck                     // the release failed, and is tried again
)

// ownRequest is a request for a lock made by an own client. Only effects change
// it.
type ownRequest struct {
	id     uint64
	client *ownClient
	name   string
	mode   keyspace.Mode
	within time.Duration // 0: it waits without a deadline
	asked  time.Time
	since  time.Time // when it was granted, or ended
	state  ownState
	over   string // how it ended, if not as the user wished
	stuck  string // why it could not be released so far
	ticket Ticket // nil until there is one
	cancel func() // ends its waiting
}

// String says what is asked for, and by which client if not by the first one.
func (r *ownRequest) String() string {
	what := r.mode.String() + " lock on " + r.name
	if r.client.number > 1 {
		return r.client.String() + ": " + what
	}
	return what
}

func (r *ownRequest) lock() inspect.LockID {
	return inspect.LockID{Layout: keyspace.RWLock, Name: r.name}
}

// key returns the request's key in etcd, empty until it has one.
func (r *ownRequest) key() string {
	if r.ticket == nil {
		return ""
	}
	return r.ticket.Key()
}

// hasOwn reports whether an own client holds or waits for a lock.
func (d *data) hasOwn(id inspect.LockID) bool {
	return slices.ContainsFunc(d.requests, func(r *ownRequest) bool { return r.lock() == id })
}

// isOwn reports whether a request is one of an own client.
func (d *data) isOwn(q inspect.Request) bool {
	return slices.ContainsFunc(d.requests, func(r *ownRequest) bool { return r.lock() == q.Lock && r.key() == q.Key })
}

// request returns an own request by its id, nil if it has ended.
func (d *data) request(id uint64) *ownRequest {
	if i := slices.IndexFunc(d.requests, func(r *ownRequest) bool { return r.id == id }); i >= 0 {
		return d.requests[i]
	}
	return nil
}

// latest returns the own request for a lock that is to be given back: the one
// with that key, else the latest; nil if there is none.
func (d *data) latest(id inspect.LockID, key string) *ownRequest {
	var latest *ownRequest
	for _, r := range d.requests {
		if r.lock() != id || r.state == ownReleasing {
			continue
		}
		latest = r
		if key != "" && r.key() == key {
			break
		}
	}
	return latest
}

// latestOf returns the latest own request of a client that is to be given back,
// nil if there is none.
func (d *data) latestOf(c *ownClient) *ownRequest {
	for _, r := range slices.Backward(d.requests) {
		if r.client == c && r.state != ownReleasing {
			return r
		}
	}
	return nil
}

// ownSummary counts the own requests, as "ours: 1 held, 2 waiting".
func (d *data) ownSummary() string {
	held, stuck := 0, 0
	for _, r := range d.requests {
		switch {
		case r.stuck != "":
			stuck++
		case r.state == ownHeld:
			held++
		}
	}
	if len(d.requests) == 0 {
		return ""
	}
	text := "ours: " + strconv.Itoa(held) + " held, " + strconv.Itoa(len(d.requests)-held-stuck) + " waiting"
	if stuck > 0 {
		text += ", " + strconv.Itoa(stuck) + " not given back yet"
	}
	return text
}

// drop removes an own request.
func (d *data) drop(r *ownRequest) {
	d.requests = slices.DeleteFunc(d.requests, func(o *ownRequest) bool { return o == r })
}
