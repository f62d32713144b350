package flight

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

var errShort = errors.New("a batch has too few numbers")

// numbers is the locks and clients that have numbers in a segment.
type numbers struct {
	locks     []*inspect.Lock
	last      letters // of locks
	clients   []client
	newLock   int // those after it were not used yet
	newClient int
}

// learn takes in the locks and clients that a batch lists.
func (p *picture) learn(b *Batch) error {
	n := &p.numbers
	if b.Fresh {
		*n = numbers{}
	}
	n.newLock, n.newClient = len(n.locks), len(n.clients)
	for _, l := range b.Locks {
		id, err := lockID(p.rules, l.Name, l.Layout)
		if err != nil {
			return err
		}
		n.locks, n.last = append(n.locks, p.lock(id)), append(n.last, 0)
	}
	for _, c := range b.Clients {
		mode, ok := modes[c.Mode]
		if !ok {
			return damageError{fmt.Errorf("a client has the mode %q", c.Mode)}
		}
		known := client{tail: string(c.Tail), mode: mode, lease: int64(c.Lease), timed: c.Timed, uuid: c.UUID}
		if c.Owner != nil {
			known.owned, known.owner = true, c.Owner.ref()
		}
		n.clients = append(n.clients, known)
	}
	return nil
}

// lock returns a lock of the picture, which has no requests if it was not there.
func (p *picture) lock(id inspect.LockID) *inspect.Lock {
	l, ok := p.locks[id]
	if !ok {
		l = &inspect.Lock{ID: id}
		p.locks[id] = l
	}
	return l
}

// unbatcher applies the steps of a batch to a picture, one after the other.
type unbatcher struct {
	*Batch
	p        *picture
	step     int
	at       time.Time
	revision int64
	made     time.Time // of events: zero in history

	op, place, client, timed, gone int // places in columns
	ids                            *unpacker
	gones                          []goneRequest
	changes                        []change
	room                           []inspect.Event // for the events of a step
}

// change is an op as it is read.
type change struct {
	letter byte
	lock   *inspect.Lock
	place  int
	client *client
	made   int64

	session inspect.LeaseState
	request inspect.Request
}

type goneRequest struct {
	lock  *inspect.Lock
	place int
}

func newUnbatcher(b *Batch, p *picture) (*unbatcher, error) {
	ids, err := newUnpacker(b.IDs)
	if err != nil {
		return nil, damageError{err}
	}
	return &unbatcher{Batch: b, p: p, at: b.Start.Time, revision: b.Before, ids: ids}, p.learn(b)
}

// more reports whether there is another step, and moves on to its time and revision.
func (u *unbatcher) more() (bool, error) {
	if u.step >= u.Steps {
		return false, nil
	}
	i, j := u.step, u.step
	after, err := u.Revisions.next(&i, 1)
	micros, timeErr := u.Micros.next(&j, 0)
	u.revision += after
	u.at = u.at.Add(time.Duration(micros) * time.Microsecond)
	if u.made = u.at; u.Untimed {
		u.made = time.Time{}
	}
	return true, errors.Join(err, timeErr)
}

// mark returns the time and the revision of the step.
func (u *unbatcher) mark() Mark { return Mark{Time{u.at}, u.revision} }

// apply applies the step, and returns its events if they are wanted.
func (u *unbatcher) apply(wanted bool) (events []inspect.Event, err error) {
	i, j := u.step, u.step
	count, err := u.Counts.next(&i, 1)
	other, otherErr := u.Other.next(&j, 0)
	if err := errors.Join(err, otherErr); err != nil || count < 0 || count > int64(len(u.Ops)-u.op) {
		return nil, damageError{errors.Join(err, errShort)}
	}
	u.step++
	u.changes, u.gones = u.changes[:0], u.gones[:0]
	for range count {
		u.changes = append(u.changes, change{})
		if err := u.next(&u.changes[len(u.changes)-1]); err != nil {
			return nil, damageError{err}
		}
	}
	if err := u.change(); err != nil {
		return nil, damageError{err}
	}
	u.p.revision, u.p.other = u.revision, u.p.other+int(other)
	if wanted {
		events = u.events()
	}
	return events, nil
}

// next reads an op. The request of one that is gone is read before the queue changes.
func (u *unbatcher) next(c *change) error {
	n, err := u.Lock.next(&u.op, 0)
	if u.Lock == nil {
		u.op++
	}
	if err != nil {
		return err
	}
	known := &u.p.numbers
	if n, err = number(len(known.locks), n, &known.newLock); err != nil {
		return err
	}
	c.lock, c.letter = known.locks[n-1], u.Ops[u.op-1]
	if c.letter == opUsual {
		c.letter = known.last.usual(n)
	}
	known.last[n-1] = c.letter
	if c.letter == opHolds || c.letter == opWaits {
		return u.nextClient(c)
	}
	place, err := u.Place.next(&u.place, 0)
	c.place = int(place)
	if err != nil || c.letter == opGranted || c.letter == opBack {
		return err
	}
	if c.place < 0 || c.place >= len(c.lock.Queue) {
		return fmt.Errorf("a queue has no place %d", c.place)
	}
	c.request = c.lock.Queue[c.place]
	u.gones = append(u.gones, goneRequest{c.lock, c.place})
	return u.nextSession(c)
}

func (u *unbatcher) nextClient(c *change) error {
	n, err := u.Client.next(&u.client, 0)
	if err != nil {
		return err
	}
	known := &u.p.numbers
	if n, err = number(len(known.clients), n, &known.newClient); err != nil {
		return err
	}
	c.client = &known.clients[n-1]
	if c.client.uuid {
		id, err := u.ids.next()
		if err != nil {
			return err
		}
		made := c.client.made(id)
		c.client = &made
	}
	if c.client.timed {
		c.made, err = u.Made.next(&u.timed, 0)
	}
	return err
}

func (u *unbatcher) nextSession(c *change) error {
	letter := byte('-')
	if u.Session != "" {
		if u.gone >= len(u.Session) {
			return errShort
		}
		letter = u.Session[u.gone]
		u.gone++
	}
	switch letter {
	case '-':
	case 'a':
		c.session = inspect.LeaseAlive
	case 'g':
		c.session = inspect.LeaseGone
	default:
		return fmt.Errorf("a session is %q", letter)
	}
	return nil
}

// number returns a number from a column, of so many, of which 0 is the next unused one.
func number(of int, n int64, unused *int) (int64, error) {
	if n == 0 {
		*unused++
		n = int64(*unused)
	}
	if n < 1 || n > int64(of) {
		return 0, fmt.Errorf("nothing has the number %d", n)
	}
	return n, nil
}

// change changes the queues.
func (u *unbatcher) change() error {
	for i := len(u.gones) - 1; i >= 0; i-- { // those of a queue are in its order
		g := u.gones[i]
		if g.place >= len(g.lock.Queue) {
			return fmt.Errorf("a queue has no place %d any more", g.place)
		}
		g.lock.Queue = leave(g.lock.Queue, g.place)
	}
	for i := range u.changes {
		if c := &u.changes[i]; c.client != nil {
			c.request = c.client.request(c.lock.ID, u.revision, u.at, u.made, c.made, c.letter == opHolds)
			place, _ := slices.BinarySearchFunc(c.lock.Queue, c.request, inspect.ByPlace)
			c.lock.Queue = slices.Insert(c.lock.Queue, place, c.request)
		}
	}
	for i := range u.changes {
		c := &u.changes[i]
		if c.letter != opGranted && c.letter != opBack {
			continue
		}
		if c.place < 0 || c.place >= len(c.lock.Queue) {
			return fmt.Errorf("a queue has no place %d after it", c.place)
		}
		r := &c.lock.Queue[c.place]
		r.Holding, r.Seen, r.Saw = c.letter == opGranted, u.made, !u.made.IsZero()
		c.request = *r
	}
	for _, g := range u.gones {
		if len(g.lock.Queue) == 0 {
			*g.lock = inspect.Lock{ID: g.lock.ID, Queue: g.lock.Queue} // with its room, for the next request
		}
	}
	return nil
}

// leave removes a request from a queue. Those at its head, which leave mostly, cost next to
// nothing.
func leave(queue []inspect.Request, place int) []inspect.Request {
	if place == 0 && len(queue) > 1 {
		return queue[1:]
	}
	return slices.Delete(queue, place, place+1)
}

// events returns what happened in the step, until the next one.
func (u *unbatcher) events() []inspect.Event {
	u.room = u.room[:0]
	for i := range u.changes {
		c := &u.changes[i]
		u.room = append(u.room, inspect.Event{
			Kind: c.kind(), Request: c.request, Revision: u.revision, Time: u.made, Session: c.session,
		})
	}
	return u.room
}

func (c *change) kind() inspect.EventKind {
	switch c.letter {
	case opHolds, opGranted:
		return inspect.EventGranted
	case opWaits, opBack:
		return inspect.EventWaiting
	case opDetached:
		return inspect.EventDetached
	case opExpired:
		return inspect.EventExpired
	case opRevoked:
		return inspect.EventRevoked
	case opEnded:
		return inspect.EventEnded
	case opGone:
		if c.request.Holding {
			return inspect.EventReleased
		}
	}
	return inspect.EventLeft
}

// ref returns what refers to the owner of a record.
func (o *Owner) ref() keyspace.OwnerRef {
	return keyspace.Owner{
		Host: string(o.Host), PID: o.PID, Program: string(o.Program), Label: string(o.Label), Under: string(o.Under), Keep: o.Keep, Upgrade: o.Upgrade, Weight: o.Weight, Permits: o.Permits, Time: o.Time.Time,
	}.Ref()
}

func newOwner(o keyspace.Owner) *Owner {
	return &Owner{
		Host: Text(o.Host), PID: o.PID, Program: Text(o.Program), Label: Text(o.Label), Under: Text(o.Under), Keep: o.Keep, Upgrade: o.Upgrade, Weight: o.Weight, Permits: o.Permits, Time: newTime(o.Time),
	}
}
