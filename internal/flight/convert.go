package flight

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// newRequest returns the record of a request. In the queue of its own lock, its lock is
// left out.
func newRequest(r inspect.Request, inQueue bool) Request {
	record := Request{
		Key: Text(r.Key), Lease: LeaseID(r.Lease), LeaseUnknown: r.LeaseUnknown, Cut: r.Cut,
		Revision: r.Revision, Modified: r.Modified, Holding: r.Holding,
		Since: newTime(r.Since), Seen: newTime(r.Seen), Saw: r.Saw, Encrypted: r.Encrypted,
	}
	if !inQueue && r.IsRequest() {
		record.Name, record.Layout = Text(r.Lock.Name), r.Lock.Layout.String()
	}
	if r.Mode != 0 {
		record.Mode = r.Mode.String()
	}
	if r.Owned {
		record.Owner = newOwner(r.Owner.Value())
	}
	if t := r.Term; t != nil {
		record.Term = &Term{Holder: Text(t.Holder), Acquired: newTime(t.Acquired), Renewed: newTime(t.Renewed), Duration: int64(t.Duration)}
	}
	if s := r.Slots; s != nil {
		record.Slots = &Slots{Total: s.Total, Holders: texts(s.Holders)}
	}
	return record
}

func newRequests(requests []inspect.Request, inQueue bool) []Request {
	var records []Request
	for _, r := range requests {
		records = append(records, newRequest(r, inQueue))
	}
	return records
}

// request returns the request of a record that is in the queue of a lock, or of another
// lock or none if id is the zero LockID.
func (r Request) request(rules *layout.Set, id inspect.LockID) (inspect.Request, error) {
	var err error
	if id == (inspect.LockID{}) && r.Layout != "" {
		id, err = lockID(rules, r.Name, r.Layout)
	}
	request := inspect.Request{
		Key: string(r.Key), Lock: id, Mode: modes[r.Mode], Lease: int64(r.Lease), LeaseUnknown: r.LeaseUnknown, Cut: r.Cut,
		Revision: r.Revision, Modified: r.Modified, Holding: r.Holding,
		Since: r.Since.Time, Seen: r.Seen.Time, Saw: r.Saw, Encrypted: r.Encrypted,
	}
	if r.Owner != nil {
		request.Owned, request.Owner = true, r.Owner.ref()
	}
	if t := r.Term; t != nil {
		request.Term = &layout.Term{Holder: string(t.Holder), Acquired: t.Acquired.Time, Renewed: t.Renewed.Time, Duration: time.Duration(t.Duration)}
	}
	if s := r.Slots; s != nil {
		request.Slots = &layout.Slots{Total: s.Total, Holders: stringsOf(s.Holders)}
	}
	return request, err
}

var modes = map[string]keyspace.Mode{"read": keyspace.Read, "write": keyspace.Write, "slot": keyspace.Slot}

// lockID returns the ID of a lock. It fails if no layout has that name.
func lockID(rules *layout.Set, name Text, layoutName string) (inspect.LockID, error) {
	rule := rules.Rule(layoutName)
	if rule == nil {
		return inspect.LockID{}, fmt.Errorf("the recording has locks of the layout %q, which is not known", layoutName)
	}
	return inspect.LockID{Layout: rule, Name: string(name)}, nil
}

// newEvents returns the records of events. Those about requests of which it is known that
// the line has them, or that they were there before it, only refer to them.
func newEvents(events []inspect.Event, known func(inspect.Event) bool) rawEvents {
	if len(events) == 0 {
		return nil
	}
	records := make([]Event, 0, len(events))
	for _, e := range events {
		id := e.Lock()
		record := Event{
			Event: string(e.Kind), Time: newTime(e.Time), Revision: e.Revision, Session: sessionWords[e.Session],
			Name: Text(id.Name), Layout: id.Layout.String(),
		}
		if !e.Kind.OfOther() && known(e) {
			record.Request = Request{Key: Text(e.Request.Key)}
		} else {
			record.Request = newRequest(e.Request, !e.Kind.OfOther())
		}
		records = append(records, record)
	}
	raw, err := json.Marshal(records)
	if err != nil { // a record has nothing that JSON cannot say
		return nil
	}
	return raw
}

// between is what newEvents needs to know of what leads from one snapshot to another.
func between(before, after inspect.Snapshot) func(inspect.Event) bool {
	return func(e inspect.Event) bool {
		in := after
		if e.Kind.Gone() {
			in = before
		}
		l, _ := in.Find(e.Request.Lock)
		i, ok := slices.BinarySearchFunc(l.Queue, e.Request, inspect.ByPlace)
		return ok && l.Queue[i] == e.Request
	}
}

// within is what newEvents needs to know of what a step does.
func within(step inspect.Step) func(inspect.Event) bool {
	return func(e inspect.Event) bool {
		for _, l := range step.Locks {
			all := l.Put
			if e.Kind.Gone() {
				all = l.Gone
			}
			if _, ok := placeOf(all, e.Request); ok {
				return true
			}
		}
		return false
	}
}

// isReference reports whether the request is only referred to, by its key.
func (r Request) isReference() bool { return r.Revision == 0 }

// event returns the event of a record, given the locks that it refers to.
func (e Event) event(in *picture) (inspect.Event, error) {
	id, err := lockID(in.rules, e.Name, e.Layout)
	if err != nil {
		return inspect.Event{}, err
	}
	event := inspect.Event{Kind: inspect.EventKind(e.Event), Time: e.Time.Time, Revision: e.Revision}
	for state, word := range sessionWords {
		if word == e.Session {
			event.Session = state
		}
	}
	if event.Kind.OfOther() {
		event.Blocked, id = id, inspect.LockID{}
	}
	if !e.Request.isReference() {
		event.Request, err = e.Request.request(in.rules, id)
		return event, err
	}
	queue := in.lock(id).Queue
	i := slices.IndexFunc(queue, func(r inspect.Request) bool { return r.Key == string(e.Request.Key) })
	if i < 0 {
		return inspect.Event{}, fmt.Errorf("an event is about the request %q, which is not there", e.Request.Key)
	}
	event.Request = queue[i]
	return event, nil
}

var sessionWords = map[inspect.LeaseState]string{inspect.LeaseAlive: "alive", inspect.LeaseGone: "gone"}

var leaseWords = map[inspect.LeaseState]string{
	inspect.LeaseAlive: "alive", inspect.LeaseGone: "gone", inspect.LeaseOverdue: "overdue", inspect.LeaseMissing: "missing",
	inspect.LeaseUnattached: "unattached",
}

func newLease(id int64, l inspect.Lease) Lease {
	return Lease{
		Lease: LeaseID(id), State: leaseWords[l.State], Missed: l.MissedRenewals(),
		Granted: int64(l.Granted / time.Second), Remaining: int64(l.Remaining / time.Second), Lacks: texts(l.Lacks),
	}
}

// lease returns the lease of a record.
func (l Lease) lease() inspect.Lease {
	lease := inspect.Lease{Granted: time.Duration(l.Granted) * time.Second, Remaining: time.Duration(l.Remaining) * time.Second, Lacks: stringsOf(l.Lacks)}
	for state, word := range leaseWords {
		if word == l.State {
			lease.State = state
		}
	}
	return lease
}

func texts(list []string) []Text {
	var all []Text
	for _, s := range list {
		all = append(all, Text(s))
	}
	return all
}

func stringsOf(list []Text) []string {
	var all []string
	for _, t := range list {
		all = append(all, string(t))
	}
	return all
}
