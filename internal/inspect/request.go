package inspect

import (
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// newRequest returns a key that matches a layout as a lock request. It keeps the owner,
// not the value.
func newRequest(kv *mvccpb.KeyValue, key string, m layout.Match) Request {
	r := Request{
		Key:       key,
		Lock:      LockID{Layout: m.Rule, Name: m.Lock},
		Mode:      m.Mode,
		Lease:     kv.Lease,
		Revision:  kv.CreateRevision,
		Modified:  kv.ModRevision,
		Owned:     m.Owned,
		Since:     m.Owner.Time,
		Term:      m.Term,
		Slots:     m.Slots,
		Encrypted: m.Encrypted,
	}
	owner := m.Owner
	if holders := r.named(); !r.Owned && holders != "" {
		owner.Label, r.Owned = holders, true
	}
	r.Owner = owner.Ref()
	if r.Since.IsZero() && r.Term != nil {
		r.Since = r.Term.Acquired
	}
	return r
}

// named returns whom a record or a semaphore names as its holders.
func (r Request) named() string {
	switch {
	case r.Term != nil:
		return r.Term.Holder
	case r.Slots != nil:
		return strings.Join(r.Slots.Holders, ", ")
	default:
		return ""
	}
}

// continues reports whether a key that was written again is the same request as before:
// not if a record, or a lock that is one key, has passed to another holder. A semaphore has
// passed on if it has none of the holders that it had.
func (r Request) continues(before Request) bool {
	return r.Lock == before.Lock && r.Revision == before.Revision && r.quiet() == before.quiet() &&
		(r.Term == nil || before.Term == nil || r.Term.Holder == before.Term.Holder) &&
		(r.Vacant() || r.Slots == nil || before.Slots == nil || len(r.without(before)) < len(r.Slots.Holders)) &&
		(r.Lock.Layout.Kind != layout.Single || r.Lease == before.Lease && r.Lease != 0 || r.sameOwner(before))
}

// without returns the holders of a semaphore that another state of it does not have.
func (r Request) without(other Request) []string {
	return slices.DeleteFunc(slices.Clone(r.Slots.Holders), func(h string) bool { return slices.Contains(other.Slots.Holders, h) })
}

// compareSlots returns the events of holders who have given a slot of a semaphore back, and
// of those who got one, while others kept theirs. Each names only them as owners.
func compareSlots(before, after Request) (released, granted []Event) {
	if before.Slots == nil || after.Slots == nil || !after.continues(before) {
		return nil, nil
	}
	of := func(kind EventKind, holders []string) []Event {
		if len(holders) == 0 {
			return nil
		}
		r := after
		r.Owner = keyspace.Owner{Label: strings.Join(holders, ", ")}.Ref()
		return []Event{{Kind: kind, Request: r}}
	}
	return of(EventReleased, before.without(after)), of(EventGranted, after.without(before))
}

// sameOwner reports whether two requests are of the same client, as far as their keys say.
func (r Request) sameOwner(other Request) bool {
	a, b := r.Owner, other.Owner
	a.Time, b.Time = time.Time{}, time.Time{} // a client writes another time when it renews
	return r.Owned == other.Owned && a == b
}

// findOut returns what the rules say of the key of an event.
func (s *state) findOut(ev *clientv3.Event, key string) layout.Find {
	if ev.Type != clientv3.EventTypePut {
		return layout.Find{Dependents: s.rules.Dependents(key)}
	}
	return s.rules.Find(layoutKV(ev.Kv, key), s.leaseOf)
}

// layoutKV is a key as rules take it.
func layoutKV(kv *mvccpb.KeyValue, key string) layout.KV {
	return layout.KV{Key: key, Value: kv.Value, Lease: kv.Lease}
}

// written returns the request that a key that was written is, if it is one, and otherwise whether
// it is cut. Without an owner's time, the request counts as made now, unless events come late.
func (s *state) written(kv *mvccpb.KeyValue, key string, found layout.Find, now time.Time) (r Request, is, cut bool) {
	if cut = isCut(found, key, s.prefixes); cut || !found.Found {
		return Request{}, false, cut
	}
	r = newRequest(kv, key, found.Match)
	r.Seen, r.Saw = now, !s.late && !now.IsZero()
	if r.Since.IsZero() && !s.late {
		r.Since = now
	}
	return r, true, false
}

// countOther returns by how much an event changes the number of keys that are not
// lock requests, given whether its key was one and whether it is one now. It needs
// no list of those keys, because etcd reports only real changes: a deleted key
// existed.
func countOther(ev *clientv3.Event, was, is bool) int {
	n := 0
	if !was && !ev.IsCreate() {
		n--
	}
	if !is && ev.Type == clientv3.EventTypePut {
		n++
	}
	return n
}
