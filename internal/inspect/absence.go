package inspect

import (
	"context"
	"fmt"
	"slices"
)

// maxAbsent bounds Absence.Keys and Absence.Names.
const maxAbsent = 3

// Absence is what begins with a name that no lock has.
type Absence struct {
	Count int       // keys that begin with the name
	Keys  []Request // the first few of them that are no lock requests
	Names []string  // of the first few locks whose keys begin with it
}

// Absence looks for what begins with a name that no lock has, at a revision, or now
// when that is 0. Without any such key, a lock of that name is free.
func (s *Source) Absence(ctx context.Context, name string, revision int64) (Absence, error) {
	snapshot, err := s.SnapshotAt(ctx, revision, name)
	if err != nil {
		return Absence{}, err
	}
	a := Absence{Count: len(snapshot.keys)}
	for _, l := range snapshot.Locks[:min(len(snapshot.Locks), maxAbsent)] {
		a.Names = append(a.Names, l.ID.Name)
	}
	for _, k := range snapshot.keys {
		if len(a.Keys) == maxAbsent {
			break
		}
		if r, ok := snapshot.other(k); ok {
			a.Keys = append(a.Keys, r)
		}
	}
	kvs, err := leaseReader{kv: s.client, revision: snapshot.Revision, past: revision > 0}.read(ctx, a.Keys)
	if err != nil {
		return Absence{}, fmt.Errorf("inspect: leases of keys: %w", err)
	}
	leasesOf(kvs).setOn(a.Keys)
	return a, nil
}

// WouldBlock returns what a request would wait for, by place, that is not in the
// snapshot. It has to be a snapshot that was read, not watched, with all keys below the
// request's name.
func (s Snapshot) WouldBlock(r Request) []Request {
	l, _ := s.Find(r.Lock)
	l.Queue = append(slices.Clone(l.Queue), r)
	l.Others = nil
	below, _ := inTheWay(l.Queue, belowName(r.Lock, s.keys))
	for _, k := range below {
		l.Others = append(l.Others, s.request(k))
	}
	return l.Blockers(len(l.Queue) - 1)
}

// request returns a key as one of Lock.Others.
func (s Snapshot) request(k stored) Request {
	var l Lock
	if k.lock != nil {
		l, _ = s.Find(*k.lock)
	}
	return k.request(l.Queue)
}

// other returns a key as a request, unless it is a lock request.
func (s Snapshot) other(k stored) (Request, bool) {
	r := s.request(k)
	return r, !r.IsRequest()
}
