package state

import (
	"slices"
	"strconv"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/tui/backend"
)

// The client that takes locks where none was chosen.
const (
	FirstClient = "tui"
	FirstTTL    = 10 * time.Second
)

// OwnClient is a client of the user of the UI. Only effects change it.
type OwnClient struct {
	backend.Client
	Number int
	Label  string
	TTL    time.Duration // that was asked for
	Doing  string        // the action in progress; empty: none
	Ended  []*OwnRequest // that failed or were lost, oldest first
}

func (c *OwnClient) String() string { return "client " + strconv.Itoa(c.Number) + " " + c.Label }

// endedKept is how many failed requests a client shows.
const endedKept = 3

// Remember keeps a request that failed or was lost, for the list.
func (c *OwnClient) Remember(r *OwnRequest) {
	c.Ended = append(c.Ended, r)
	c.Ended = c.Ended[max(len(c.Ended)-endedKept, 0):]
}

// Forget takes a request that has ended off the list.
func (c *OwnClient) Forget(r *OwnRequest) {
	c.Ended = slices.DeleteFunc(c.Ended, func(o *OwnRequest) bool { return o == r })
}

// ownState is how far an own request has come.
type ownState int

// The states of a request.
const (
	OwnWaiting   ownState = iota // for its ticket, or for the lock
	OwnHeld                      // granted
	OwnReleasing                 // being canceled or released
	OwnStuck                     // the release failed, and is tried again
)

// OwnRequest is a request for a lock made by an own client. Only effects change
// it.
type OwnRequest struct {
	ID     uint64
	Client *OwnClient
	Name   string
	Mode   keyspace.Mode
	Within time.Duration // 0: it waits without a deadline
	Asked  time.Time
	Since  time.Time // when it was granted, or ended
	State  ownState
	Over   string         // how it ended, if not as the user wished
	Stuck  string         // why it could not be released so far
	Ticket backend.Ticket // nil until there is one
	Cancel func()         // ends its waiting
	Was    string         // its key when it was to be canceled: it has none afterwards
}

// String names the lock and its mode, and the client if it is not the first one.
func (r *OwnRequest) String() string {
	what := r.Mode.String() + " lock on " + r.Name
	if r.Client.Number > 1 {
		return r.Client.String() + ": " + what
	}
	return what
}

// Lock returns the lock that is requested.
func (r *OwnRequest) Lock() inspect.LockID {
	return inspect.LockID{Layout: layout.RWLock, Name: r.Name}
}

// Key returns the request's key in etcd, empty until it has one.
func (r *OwnRequest) Key() string {
	if r.Ticket == nil {
		return ""
	}
	return r.Ticket.Key()
}

// HasOwn reports whether an own client holds or waits for a lock.
func (d *Data) HasOwn(id inspect.LockID) bool {
	return slices.ContainsFunc(d.Requests, func(r *OwnRequest) bool { return r.Lock() == id })
}

// IsOwn reports whether a request is one of an own client.
func (d *Data) IsOwn(q inspect.Request) bool {
	return slices.ContainsFunc(d.Requests, func(r *OwnRequest) bool { return r.Lock() == q.Lock && r.Key() == q.Key })
}

// Request returns an own request by its id, nil if it has ended.
func (d *Data) Request(id uint64) *OwnRequest {
	if i := slices.IndexFunc(d.Requests, func(r *OwnRequest) bool { return r.ID == id }); i >= 0 {
		return d.Requests[i]
	}
	return nil
}

// Latest returns the own request for a lock to release: the one with that key,
// else the latest; nil if there is none.
func (d *Data) Latest(id inspect.LockID, key string) *OwnRequest {
	var latest *OwnRequest
	for _, r := range d.Requests {
		if r.Lock() != id || r.State == OwnReleasing {
			continue
		}
		latest = r
		if key != "" && r.Key() == key {
			break
		}
	}
	return latest
}

// LatestOf returns the latest request of an own client to release, nil if there
// is none.
func (d *Data) LatestOf(c *OwnClient) *OwnRequest {
	for _, r := range slices.Backward(d.Requests) {
		if r.Client == c && r.State != OwnReleasing {
			return r
		}
	}
	return nil
}

// OwnSummary counts the own requests, as in "yours: 1 held, 2 waiting".
func (d *Data) OwnSummary() string {
	held, stuck := 0, 0
	for _, r := range d.Requests {
		switch {
		case r.Stuck != "":
			stuck++
		case r.State == OwnHeld:
			held++
		}
	}
	if len(d.Requests) == 0 {
		return ""
	}
	text := "yours: " + strconv.Itoa(held) + " held, " + strconv.Itoa(len(d.Requests)-held-stuck) + " waiting"
	if stuck > 0 {
		text += ", " + strconv.Itoa(stuck) + " not released yet"
	}
	return text
}

// Drop removes an own request.
func (d *Data) Drop(r *OwnRequest) {
	d.Requests = slices.DeleteFunc(d.Requests, func(o *OwnRequest) bool { return o == r })
}
