package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// maxAbsent bounds Absence.Keys and Absence.Names.
const maxAbsent = 3

// Absence is what begins with a name that no lock has.
type Absence struct {
	Count  int       // keys that begin with the name
	Others int       // how many of them do not count as lock requests
	Cut    int       // how many of those are requests for locks of which only a part was read
	Keys   []Request // the first few of those
	Names  []string  // of the first few locks whose keys begin with it

	Candidates []string // the clients that would like to have the lock, by keys beside it

	KeyOnly bool // the user may read the key of that name only, of those that begin with it
}

// Absence looks for what begins with a name that no lock has, at a revision, or now
// when that is 0. Without any such key, a lock of that name is free.
func (s *Source) Absence(ctx context.Context, name string, revision int64) (Absence, error) {
	snapshot, err := s.SnapshotAt(ctx, revision, name)
	if err != nil {
		return Absence{}, err
	}
	return s.AbsenceIn(ctx, snapshot, name, revision > 0)
}

// AbsenceIn is Absence in a snapshot that was read before, of now or of the past. It
// reads leases of keys only. The snapshot has to have all keys that begin with the name.
func (s *Source) AbsenceIn(ctx context.Context, snapshot Snapshot, name string, past bool) (Absence, error) {
	a := snapshot.absence(name)
	kvs, err := leaseReader{kv: s.client, revision: snapshot.Revision, past: past}.read(ctx, a.Keys)
	if err != nil {
		return Absence{}, fmt.Errorf("inspect: leases of keys: %w", err)
	}
	leasesOf(kvs).setOn(a.Keys)
	return a, nil
}

// absence is AbsenceIn with unknown leases.
func (s Snapshot) absence(name string) Absence {
	var a Absence
	for _, p := range s.Partial {
		a.KeyOnly = a.KeyOnly || strings.HasPrefix(name, p.Prefix) && !p.Below && !p.None
	}
	for id := range s.beside.candidates {
		if id.Name == name {
			a.Candidates = append(a.Candidates, s.beside.of(Lock{ID: id})...)
		}
	}
	slices.Sort(a.Candidates)
	a.Candidates = slices.Compact(a.Candidates)
	for _, k := range withPrefix(s.keys, name) {
		a.Count++
		if k.lock == nil {
			a.Others++
		}
		if k.cut {
			a.Cut++
		}
		switch {
		case k.lock == nil && len(a.Keys) < maxAbsent:
			a.Keys = append(a.Keys, k.request(nil))
		case k.lock != nil && len(a.Names) < maxAbsent && !slices.Contains(a.Names, k.lock.Name):
			a.Names = append(a.Names, k.lock.Name)
		}
	}
	return a
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
