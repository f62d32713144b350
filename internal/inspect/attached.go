package inspect

import (
	"context"
	"slices"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// maxLacks bounds Lease.Lacks.
const maxLacks = 16

// attachments is since which revision the requests of leases are known to be attached to them.
// A lease that etcd has attaches each key that is put on it: older ones are not attached only if
// it was granted after them, when etcd had lost it, and that takes a new term.
type attachments struct {
	mu    sync.Mutex
	term  uint64 // the latest that etcd has answered in
	since map[int64]attachment
}

type attachment struct {
	revision int64
	term     uint64
}

// maxAttachments bounds what is known. Beyond it, all of it is learnt again.
const maxAttachments = 4096

// known reports whether a lease has all keys that were put on it from a revision on.
func (a *attachments) known(lease, revision int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	of, ok := a.since[lease]
	return ok && of.revision <= revision && of.term == a.term
}

// note notes that the oldest request of a lease is attached, as etcd answered in a term.
func (a *attachments) note(oldest *Request, term uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.since == nil || len(a.since) >= maxAttachments {
		a.since = map[int64]attachment{}
	}
	a.since[oldest.Lease] = attachment{oldest.Modified, term}
}

// answered notes the term of an answer of etcd.
func (a *attachments) answered(term uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.term = max(a.term, term)
}

// compare looks for a lease's requests in the snapshot, given the oldest one, that are not among
// its keys, and notes if there are none. A key that was made, deleted or put on another lease
// meanwhile is not one of them.
func (s *Source) compare(ctx context.Context, oldest *Request, l Lease, keys []string, in Snapshot) (Lease, error) {
	own := in.OfLease(oldest.Lease)
	lacking := notAmong(own, keys)
	if len(lacking) == 0 {
		s.attached.note(oldest, l.Term)
	}
	unchanged := s.unchanged(ctx, lacking[:min(len(lacking), maxLacks)])
	if len(unchanged) == 0 {
		return l, nil
	}
	again, err := s.leaseKeys(ctx, oldest.Lease)
	if err != nil {
		return Lease{}, err
	}
	unchanged = notAmong(unchanged, again)
	if len(unchanged) > 0 && len(lacking) == len(own) {
		return Lease{State: LeaseUnattached, Term: l.Term}, nil
	}
	for _, r := range unchanged {
		l.Lacks = append(l.Lacks, r.Key)
	}
	return l, nil
}

// notAmong returns those of requests whose keys are not in a list.
func notAmong(requests []*Request, keys []string) []*Request {
	listed := make(map[string]bool, len(keys))
	for _, k := range keys {
		listed[k] = true
	}
	return slices.DeleteFunc(slices.Clone(requests), func(r *Request) bool { return listed[r.Key] })
}

// unchanged returns those of requests, or of other keys, that are still as in the snapshot.
func (s *Source) unchanged(ctx context.Context, requests []*Request) (same []*Request) {
	var reads []clientv3.Op
	for _, r := range requests {
		reads = append(reads, clientv3.OpGet(r.Key, clientv3.WithKeysOnly())) // which leaves the lease out
	}
	if len(reads) == 0 {
		return nil
	}
	got, err := s.client.Txn(ctx).Then(reads...).Commit()
	if err != nil {
		return nil // then it is not known
	}
	for i, r := range requests {
		if kvs := got.Responses[i].GetResponseRange().GetKvs(); len(kvs) > 0 && kvs[0].ModRevision == r.Modified {
			same = append(same, r)
		}
	}
	return same
}

// leased yields all requests that have a lease, and all other keys that do.
func (s Snapshot) leased(yield func(*Request) bool) {
	for i := range s.Locks {
		for _, keys := range [][]Request{s.Locks[i].Queue, s.Locks[i].Others} {
			for r := range pointers(keys) {
				if r.Lease != 0 && !yield(r) {
					return
				}
			}
		}
	}
}

// oldestOf returns, of the requests and other keys of each of leases, the one that was written
// first.
func (s Snapshot) oldestOf(leases map[int64]Lease) map[int64]*Request {
	oldest := map[int64]*Request{}
	for r := range s.leased {
		if _, ok := leases[r.Lease]; ok && (oldest[r.Lease] == nil || r.Modified < oldest[r.Lease].Modified) {
			oldest[r.Lease] = r
		}
	}
	return oldest
}

// OfLease returns the requests that have the ID of a lease, by lock, then place, and of each lock
// the other keys in its way that do. The lease 0 is no lease, so it has none.
func (s Snapshot) OfLease(id int64) (own []*Request) {
	for r := range s.leased {
		if r.Lease == id {
			own = append(own, r)
		}
	}
	return own
}
