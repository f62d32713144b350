package trace

import (
	"fmt"
	"slices"

	"etcd-lock/internal/keyspace"
	"etcd-lock/rwlock"
)

// follows says after which events each kind of event may come; "" is none.
var follows = map[rwlock.EventKind][]rwlock.EventKind{
	rwlock.EventWaiting:  {""},
	rwlock.EventQueued:   {rwlock.EventWaiting},
	rwlock.EventGranted:  {rwlock.EventWaiting, rwlock.EventQueued},
	rwlock.EventFailed:   {rwlock.EventWaiting, rwlock.EventQueued},
	rwlock.EventLost:     {rwlock.EventGranted},
	rwlock.EventReleased: {rwlock.EventGranted, rwlock.EventLost},
}

// Check returns what the protocol does not allow in a trace. Each request takes its steps in
// their order and has a token of its own, which is larger than those that it waited for, and
// requests that exclude each other are granted in the order of their tokens.
//
// A hold that was lost, whose Unlock failed or that has not ended may have been granted after
// a later one: its key was deleted before its client learned that it was granted. Events
// without a token are checked for their order only. Two requests for permits of a semaphore
// exclude each other when they take more than there are.
func Check(steps []Step) []string {
	c := checker{
		last: map[int]rwlock.EventKind{}, ahead: map[int]int64{}, token: map[int]int64{}, owner: map[int64]int{},
		ended: map[int]bool{}, failed: map[int]bool{}, granted: map[string]newest{},
	}
	for _, s := range steps {
		if s.Event.Kind == rwlock.EventReleased && s.Event.Err == nil && c.last[s.Request] != rwlock.EventLost {
			c.ended[s.Request] = true
		}
		c.last[s.Request] = s.Event.Kind
		if s.Event.Kind == rwlock.EventReleased && s.Event.Err != nil {
			c.failed[s.Request] = true
		}
		if s.Event.Kind == rwlock.EventLost {
			delete(c.ended, s.Request)
		}
	}
	clear(c.last)
	for _, s := range steps {
		c.step(s)
	}
	return c.faults
}

// newest is the largest tokens that were granted of a lock, and all requests for its permits
// that were granted.
type newest struct {
	write, any int64
	slots      []granted
}

// granted is a request for permits that was granted.
type granted struct {
	rwlock.LockRequest
	token int64
}

// excludes reports whether two requests for permits cannot be granted at once.
func (g granted) excludes(l rwlock.LockRequest) bool {
	return max(g.Weight, 1)+max(l.Weight, 1) > min(g.Permits, l.Permits)
}

// checker is what is known of the requests at some point of a trace, by request.
type checker struct {
	last    map[int]rwlock.EventKind
	ahead   map[int]int64 // the largest token that it waited for
	token   map[int]int64
	owner   map[int64]int     // the request, by token
	ended   map[int]bool      // those that end with an Unlock that succeeds, of the whole trace
	failed  map[int]bool      // those whose Unlock fails, of the whole trace
	granted map[string]newest // by name
	faults  []string
}

func (c *checker) fault(s Step, format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf("%s, request %d for %v: %s", s.Who, s.Request, s.Event.Locks, fmt.Sprintf(format, args...)))
}

// step checks one step.
func (c *checker) step(s Step) {
	last := c.last[s.Request]
	if !slices.Contains(follows[s.Event.Kind], last) && !c.foundByUnlock(s) {
		c.fault(s, "%q after %q", s.Event.Kind, last)
	}
	c.last[s.Request] = s.Event.Kind
	switch s.Event.Kind {
	case rwlock.EventQueued:
		c.queued(s)
	case rwlock.EventGranted:
		c.grant(s)
	case rwlock.EventReleased, rwlock.EventLost:
		if s.Event.Token < c.token[s.Request] { // an upgrade has a larger one
			c.fault(s, "%s with token %d, but was granted with %d", s.Event.Kind, s.Event.Token, c.token[s.Request])
		}
	}
}

// foundByUnlock reports whether a step is a loss that Unlock has found: it is reported from
// another goroutine, which may be later.
func (c *checker) foundByUnlock(s Step) bool {
	return s.Event.Kind == rwlock.EventLost && c.last[s.Request] == rwlock.EventReleased && c.failed[s.Request]
}

// queued checks that those ahead are in order, and that each of them excludes the request.
func (c *checker) queued(s Step) {
	if s.Event.Position < len(s.Event.Ahead) {
		c.fault(s, "%d are ahead, but at position %d", len(s.Event.Ahead), s.Event.Position)
	}
	var last int64
	for _, a := range s.Event.Ahead {
		if !slices.ContainsFunc(s.Event.Locks, func(l rwlock.LockRequest) bool { return canWaitFor(l, a) }) {
			c.fault(s, "token %d is ahead and does not exclude it", a.Token)
		}
		if a.Token < last {
			c.fault(s, "token %d is ahead after %d", a.Token, last)
		}
		last = a.Token
	}
	c.ahead[s.Request] = last
}

// canWaitFor reports whether a request for l may have to wait for a.
func canWaitFor(l rwlock.LockRequest, a rwlock.Ahead) bool {
	parse := keyspace.ParseRWLock
	if l.Mode == rwlock.Slot {
		parse = keyspace.ParseSlot
	}
	key, ok := parse(a.Key)
	return ok && key.Name == l.Name && (l.Mode == rwlock.Slot || l.Mode == rwlock.Write || a.Mode == rwlock.Write)
}

// grant checks the token, and that nothing that the request had to wait for is granted later.
func (c *checker) grant(s Step) {
	token := s.Event.Token
	if token == 0 {
		return
	}
	if other, ok := c.owner[token]; ok {
		c.fault(s, "granted token %d, which request %d has", token, other)
	}
	if ahead := c.ahead[s.Request]; token <= ahead {
		c.fault(s, "granted token %d, but token %d was ahead", token, ahead)
	}
	c.owner[token], c.token[s.Request] = s.Request, token
	for _, l := range s.Event.Locks {
		n := c.granted[l.Name]
		later := n.write
		switch l.Mode {
		case rwlock.Write:
			later = n.any
		case rwlock.Slot:
			for _, g := range n.slots {
				if g.excludes(l) {
					later = max(later, g.token)
				}
			}
			n.slots = append(n.slots, granted{l, token})
		}
		if token < later && c.ended[s.Request] {
			c.fault(s, "granted token %d of %s after token %d", token, l.Name, later)
		}
		n.any = max(n.any, token)
		if l.Mode == rwlock.Write {
			n.write = max(n.write, token)
		}
		c.granted[l.Name] = n
	}
}
