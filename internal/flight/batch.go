package flight

import (
	"slices"
	"time"

	"etcd-lock/internal/inspect"
)

// Batch is what many revisions did, in columns: with a line for each, most bytes would say
// the same again and again.
//
// Locks and clients are numbered from 1 on within a segment, in the order in which batches
// list them. In a column, 0 is the next one that was not used yet.
type Batch struct {
	Before  int64         `json:"before"`            // the revision before
	Start   Time          `json:"start"`             // the time from which the steps are counted
	Untimed bool          `json:"untimed,omitempty"` // they are from etcd's history, which has no times
	Fresh   bool          `json:"fresh,omitempty"`   // the numbers begin anew
	Locks   []BatchLock   `json:"locks,omitempty"`   // that are numbered here
	Clients []BatchClient `json:"clients,omitempty"`

	// A number for each step, one revision mostly.
	Revisions column `json:"revisions,omitempty"` // after the step before; mostly 1
	Micros    column `json:"us,omitempty"`        // after the step before, in microseconds; mostly 0
	Counts    column `json:"counts,omitempty"`    // of its letters in Ops; mostly 1
	Other     column `json:"other,omitempty"`     // the change of the number of other keys; mostly 0
	Steps     int    `json:"steps"`

	// A letter for each change of a request, and its lock.
	Ops  string `json:"ops"`
	Lock column `json:"lock,omitempty"`

	Client  column `json:"client,omitempty"`  // of each that joined: who; mostly 0
	IDs     string `json:"ids,omitempty"`     // and of those who make up keys: the UUIDs, as of packer
	Made    column `json:"made,omitempty"`    // and of those whose owner says when: how many microseconds before
	Place   column `json:"place,omitempty"`   // of each other one: the index in the queue; mostly 0
	Session string `json:"session,omitempty"` // of each that is gone: a (alive), g (gone) or - (not known); mostly -
}

// BatchLock is a lock that has a number.
type BatchLock struct {
	Name   Text   `json:"name"`
	Layout string `json:"layout"`
}

// BatchClient is what requests of a client have in common.
type BatchClient struct {
	Tail  Text    `json:"tail"` // of its keys, after the name of the lock
	Mode  string  `json:"mode"`
	Lease LeaseID `json:"lease,omitzero"`
	Owner *Owner  `json:"owner,omitempty"`
	Timed bool    `json:"timed,omitempty"` // the owner says when it made the request
	UUID  bool    `json:"uuid,omitempty"`  // its keys end with a random UUID after the tail, each time another one
}

// The letters of Batch.Ops. The places of those that are gone are in the queue before the
// step, the others in that after it.
const (
	opHolds    = 'h' // it joined the queue and holds
	opWaits    = 'w' // it joined the queue and waits
	opGranted  = 'g' // it waited and holds now
	opBack     = 'b' // it held and waits again
	opGone     = 'x' // it is gone: released if it held, else left
	opDetached = 'd'
	opExpired  = 'e'
	opRevoked  = 'r'
	opEnded    = 'n' // it is gone with its session, and why is not known
	opUsual    = '.' // only in Batch.Ops: see letters
)

// letters has the last letter of each lock that has a number. Locks that are free mostly are
// granted and released in turns, which takes no room.
type letters []byte

// usual returns the letter that is written as opUsual: the lock of that number is released
// after it was granted to one that joined, and else granted.
func (l letters) usual(number int64) byte {
	if l[number-1] == opHolds {
		return opGone
	}
	return opHolds
}

// maxNumbers bounds the locks, and the clients, that have numbers.
const maxNumbers = 1 << 15

// op is a letter of a batch with what belongs to it.
type op struct {
	letter  byte
	lock    inspect.LockID
	client  client
	made    int64
	place   int
	session byte
}

// batcher collects steps for a batch.
type batcher struct {
	batch   Batch
	at      time.Time // of the last step
	end     int64     // its revision
	reached int64     // up to which nothing has changed after it
	locks   map[inspect.LockID]int64
	last    letters
	clients map[client]int64
	makers  map[client]bool // that have made up a UUID once
	ops     []byte
	session []byte
	ids     packer

	// Locks that have, or had, several requests of one revision, of which one is before the
	// other by its key. Their steps do not go into batches, because a place has to be the
	// same whatever the keys are replaced by.
	tied map[inspect.LockID]bool
}

// newBatcher returns a batcher for a segment that begins with a snapshot.
func newBatcher(begin inspect.Snapshot) *batcher {
	b := &batcher{locks: map[inspect.LockID]int64{}, clients: map[client]int64{}, makers: map[client]bool{}, tied: map[inspect.LockID]bool{}}
	b.note(begin)
	return b
}

// note notes which locks of a snapshot are tied.
func (b *batcher) note(s inspect.Snapshot) {
	for _, l := range s.Locks {
		for i := 1; i < len(l.Queue); i++ {
			if l.Queue[i-1].Revision == l.Queue[i].Revision {
				b.tied[l.ID] = true
			}
		}
	}
}

// isTied reports whether a lock is tied after a step of it.
func (b *batcher) isTied(l inspect.LockStep) bool {
	for i, p := range l.Put {
		for _, q := range l.Put[:i] {
			if p.Request.Revision == q.Request.Revision {
				b.tied[l.After.ID] = true
			}
		}
	}
	return b.tied[l.After.ID]
}

// moment is when a step is recorded.
type moment struct {
	at       time.Time
	revision int64
	other    int // by how much the number of other keys has changed
}

// add adds a step with its events. It reports false if a batch cannot say it.
func (b *batcher) add(m moment, step inspect.Step, events []inspect.Event) bool {
	untimed := step.Time.IsZero()
	ops, ok := b.translate(m.at, step, events)
	if !ok || !untimed && !m.at.Equal(newTime(step.Time).Time) || b.batch.Steps > 0 && untimed != b.batch.Untimed {
		return false
	}
	if b.batch.Steps == 0 {
		b.batch.Before, b.batch.Start, b.batch.Untimed, b.at, b.end = m.revision-1, newTime(m.at), untimed, m.at, m.revision-1
	}
	b.batch.Steps++
	b.batch.Revisions = append(b.batch.Revisions, m.revision-b.end)
	b.batch.Micros = append(b.batch.Micros, m.at.Sub(b.at).Microseconds())
	b.batch.Counts = append(b.batch.Counts, int64(len(ops)))
	b.batch.Other = append(b.batch.Other, int64(m.other))
	b.at, b.end = m.at, m.revision
	for _, o := range ops {
		b.put(o)
	}
	return true
}

// put adds the change of a request.
func (b *batcher) put(o op) {
	b.batch.Lock = append(b.batch.Lock, b.putLock(o))
	if o.letter == opHolds || o.letter == opWaits {
		b.putClient(o)
		return
	}
	b.batch.Place = append(b.batch.Place, int64(o.place))
	if o.letter != opGranted && o.letter != opBack {
		b.session = append(b.session, o.session)
	}
}

// putLock adds the letter of an op, and returns the number of its lock: 0 if that is new.
func (b *batcher) putLock(o op) int64 {
	n, known := b.locks[o.lock]
	number := n
	if !known {
		number = int64(len(b.locks) + 1)
		b.batch.Locks = append(b.batch.Locks, BatchLock{Name: Text(o.lock.Name), Layout: o.lock.Layout.String()})
		b.locks[o.lock], b.last = number, append(b.last, 0)
	}
	if o.letter == b.last.usual(number) {
		b.ops = append(b.ops, opUsual)
	} else {
		b.ops = append(b.ops, o.letter)
	}
	b.last[number-1] = o.letter
	return n
}

func (b *batcher) putClient(o op) {
	n, known := b.clients[o.client]
	if maker, id, ok := o.client.maker(); ok && !known {
		if b.makers[maker] { // it does not use the same again
			o.client = maker
			b.ids.put(id)
			n, known = b.clients[maker]
		}
		b.makers[maker] = true
	}
	if !known {
		b.batch.Clients = append(b.batch.Clients, o.client.record())
		b.clients[o.client] = int64(len(b.clients) + 1)
	}
	b.batch.Client = append(b.batch.Client, n)
	if o.client.timed {
		b.batch.Made = append(b.batch.Made, o.made)
	}
}

// take returns what was collected, and begins another batch.
func (b *batcher) take() *Batch {
	all := b.batch
	all.Revisions, all.Micros, all.Counts = all.Revisions.without(1), all.Micros.without(0), all.Counts.without(1)
	all.Other, all.Client, all.Place = all.Other.without(0), all.Client.without(0), all.Place.without(0)
	all.Ops, all.Session, all.IDs = string(b.ops), without(string(b.session), '-'), b.ids.text()
	b.batch, b.ops, b.session, b.ids = Batch{}, nil, nil, packer{}
	if len(b.locks) > maxNumbers || len(b.clients) > maxNumbers {
		b.forget()
		b.batch.Fresh = true
	}
	return &all
}

// empty reports whether there is nothing to take.
func (b *batcher) empty() bool { return b.batch.Steps == 0 }

// forget has numbers begin anew.
func (b *batcher) forget() {
	clear(b.locks)
	clear(b.clients)
	clear(b.makers)
	b.last = nil
}

// translate returns a step as ops, one for each event. It reports false if there is more
// to it.
func (b *batcher) translate(at time.Time, step inspect.Step, events []inspect.Event) ([]op, bool) {
	changes, more := 0, false
	for _, l := range step.Locks {
		more = b.isTied(l) || l.Aside || more
		changes += len(l.Gone) + len(l.Put)
	}
	if more || changes != len(events) {
		return nil, false
	}
	ops := make([]op, 0, len(events))
	for _, e := range events {
		o, ok := translateEvent(at, step, e)
		if !ok {
			return nil, false
		}
		ops = append(ops, o)
	}
	return ops, true
}

func translateEvent(at time.Time, step inspect.Step, e inspect.Event) (o op, ok bool) {
	i := slices.IndexFunc(step.Locks, func(l inspect.LockStep) bool { return l.After.ID == e.Request.Lock })
	if i < 0 || e.Kind.OfOther() || e.Revision != step.Revision || !e.Time.Equal(step.Time) {
		return op{}, false
	}
	o.lock = e.Request.Lock
	if e.Kind.Gone() {
		o.letter, o.session = goneLetters[e.Kind], sessionLetters[e.Session]
		o.place, ok = placeOf(step.Locks[i].Gone, e.Request)
		return o, ok && o.letter != 0 && o.session != 0 && (o.letter != opGone || (e.Kind == inspect.EventReleased) == e.Request.Holding)
	}
	put := slices.IndexFunc(step.Locks[i].Put, func(p inspect.Placed) bool { return p.Request == e.Request })
	if put < 0 || e.Request.Holding != (e.Kind == inspect.EventGranted) || e.Session != 0 {
		return op{}, false
	}
	p, r := step.Locks[i].Put[put], rounded(e.Request)
	switch {
	case p.Joined:
		return join(at, step, o, r)
	case !p.Moved || r.Saw == step.Time.IsZero() || !r.Seen.Equal(newTime(step.Time).Time):
		return op{}, false
	}
	o.place = p.Place
	o.letter = opBack
	if e.Request.Holding {
		o.letter = opGranted
	}
	return o, true
}

// join completes the op of a request that joins its queue.
func join(at time.Time, step inspect.Step, o op, r inspect.Request) (op, bool) {
	c, ok := clientOf(r)
	o.client, o.letter = c, opWaits
	if r.Holding {
		o.letter = opHolds
	}
	if c.timed {
		o.made = at.Sub(r.Owner.Time).Microseconds()
	}
	return o, ok && c.request(r.Lock, step.Revision, at, newTime(step.Time).Time, o.made, r.Holding) == r
}

func placeOf(all []inspect.Placed, r inspect.Request) (place int, ok bool) {
	i := slices.IndexFunc(all, func(p inspect.Placed) bool { return p.Request == r })
	if i < 0 {
		return 0, false
	}
	return all[i].Place, true
}

var goneLetters = map[inspect.EventKind]byte{
	inspect.EventReleased: opGone, inspect.EventLeft: opGone, inspect.EventDetached: opDetached,
	inspect.EventExpired: opExpired, inspect.EventRevoked: opRevoked, inspect.EventEnded: opEnded,
}

var sessionLetters = map[inspect.LeaseState]byte{inspect.LeaseUnknown: '-', inspect.LeaseAlive: 'a', inspect.LeaseGone: 'g'}
