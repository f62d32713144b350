// Package locktest makes locks for tests, out of lines of text or at random.
package locktest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// Epoch is the time of a snapshot: ages count back from it.
var Epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Snapshot reads locks, one a line: "/a  A.w1 B.r2". The requests are those of
// the sessions A and B, by mode (m is a mutex, s a semaphore, k another key below the name) and
// create revision.
//
// A session is its lease in hex. With a last digit from A to F its owner is a
// program of that name, with a last digit from a to f it has no owner; "-" has
// no lease either.
//
// What may follow a request: "@5m" and "~5m", its age by the client's clock and
// by the watch's; "?5m", how long the watch has seen it hold or wait, and "+5m",
// since when it saw that begin; "!9", the revision of the last write; "</a/write/1", the key
// of the lock that its process runs under; "=1/2", how many permits it takes, of how many.
func Snapshot(tb testing.TB, spec string) inspect.Snapshot {
	tb.Helper()
	var requests []inspect.Request
	for line := range strings.Lines(spec) {
		fields := strings.Fields(line)
		for _, f := range fields[min(1, len(fields)):] {
			requests = append(requests, request(tb, fields[0], f))
		}
	}
	return snapshot(100, requests)
}

func snapshot(revision int64, requests []inspect.Request) inspect.Snapshot {
	queues := map[inspect.LockID][]inspect.Request{}
	var others []inspect.Request
	for _, r := range requests {
		if r.IsRequest() {
			queues[r.Lock] = append(queues[r.Lock], r)
		} else {
			others = append(others, r)
		}
	}
	return inspect.Snapshot{Revision: revision, Locks: inspect.NewLocks(queues, others...)}
}

func request(tb testing.TB, name, spec string) inspect.Request {
	tb.Helper()
	session, what, _ := strings.Cut(spec, ".")
	what, permits, _ := strings.Cut(what, "=")
	what, under, _ := strings.Cut(what, "<")
	what, written, _ := strings.Cut(what, "!")
	what, granted, _ := strings.Cut(what, "+")
	what, older, _ := strings.Cut(what, "?")
	what, seen, _ := strings.Cut(what, "~")
	what, made, _ := strings.Cut(what, "@")
	r := inspect.Request{
		Lock: inspect.LockID{Layout: layout.RWLock, Name: name},
		Mode: keyspace.Write, Revision: number(tb, what[1:]),
	}
	r.Lease, _ = strconv.ParseInt(session, 16, 64) // 0 for "-"
	if what[0] == 'r' {
		r.Mode = keyspace.Read
	}
	r.Key = keyspace.Encode(name, r.Mode, what[1:])
	switch what[0] {
	case 's':
		takePermits(tb, &r, permits)
	case 'm':
		r.Lock.Layout, r.Key = layout.Mutex, fmt.Sprintf("%s/%x", name, r.Lease)
	case 'k':
		r.Lock, r.Key = inspect.LockID{}, name+"/"+what
	}
	if last := session[len(session)-1:]; last >= "A" && last <= "F" {
		ChangeOwner(&r, func(o *keyspace.Owner) { o.Program, o.Under = strings.ToLower(last), under })
		r.Owned = true
	}
	if made != "" {
		r.Owner.Time = Epoch.Add(-duration(tb, made))
		r.Since = r.Owner.Time
	}
	if seen != "" {
		r.Since = Epoch.Add(-duration(tb, seen))
	}
	if older != "" {
		r.Seen = Epoch.Add(-duration(tb, older))
	}
	if granted != "" {
		r.Seen, r.Saw = Epoch.Add(-duration(tb, granted)), true
	}
	r.Modified = r.Revision
	if written != "" {
		r.Modified = number(tb, written)
	}
	return r
}

// takePermits makes r a request for permits of a semaphore, as in "1/2".
func takePermits(tb testing.TB, r *inspect.Request, permits string) {
	tb.Helper()
	weight, total, _ := strings.Cut(permits, "/")
	r.Mode, r.Lock.Layout, r.Owned = keyspace.Slot, layout.Semaphores, true
	r.Key = keyspace.Encode(r.Lock.Name, r.Mode, strconv.FormatInt(r.Revision, 10))
	ChangeOwner(r, func(o *keyspace.Owner) { o.Weight, o.Permits = int(number(tb, weight)), int(number(tb, total)) })
}

// ChangeOwner changes the owner of a request.
func ChangeOwner(r *inspect.Request, change func(*keyspace.Owner)) {
	o := r.Owner.Value()
	change(&o)
	r.Owner = o.Ref()
}

func number(tb testing.TB, s string) int64 {
	tb.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

func duration(tb testing.TB, s string) time.Duration {
	tb.Helper()
	d, err := time.ParseDuration(s)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// EachRandom checks snapshots made at random, until one fails.
func EachRandom(t *testing.T, check func(t *testing.T, s inspect.Snapshot)) {
	t.Helper()
	for seed := range uint64(250) {
		s := Random(seed)
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { check(t, s) })
		if t.Failed() {
			return
		}
	}
}

// Random makes locks at random, the same ones from the same seed. Few sessions and locks
// make cycles, requests of one transaction share a revision, some report that they run
// under a key, and some locks lie below the names of others.
func Random(seed uint64) inspect.Snapshot {
	rng := rand.New(rand.NewPCG(seed, 7))
	sessions, locks := 1+rng.IntN(12), 1+rng.IntN(5)
	var requests []inspect.Request
	revision := int64(1)
	for i := range rng.IntN(30) {
		if rng.IntN(4) > 0 {
			revision++
		}
		r := randomRequest(rng, "n"+strconv.Itoa(i), locks, sessions)
		r.Revision = revision
		r.Modified = r.Revision + int64(rng.IntN(20)/19)
		if len(requests) > 0 && rng.IntN(6) == 0 {
			ChangeOwner(&r, func(o *keyspace.Owner) { o.Under = requests[rng.IntN(len(requests))].Key })
			r.Owned = true
		}
		if !slices.ContainsFunc(requests, func(q inspect.Request) bool { return q.Key == r.Key }) {
			requests = append(requests, r)
		}
	}
	return snapshot(revision, requests)
}

// randomRequest makes a request, or another key, with everything but its place.
func randomRequest(rng *rand.Rand, id string, locks, sessions int) inspect.Request {
	r := inspect.Request{
		Lock: inspect.LockID{Layout: layout.RWLock, Name: strconv.Itoa(rng.IntN(locks))},
		Mode: keyspace.Read + keyspace.Mode(rng.IntN(2)), Lease: int64(rng.IntN(sessions + 1)),
		Owned: rng.IntN(2) == 0,
	}
	if rng.IntN(3) == 0 {
		r.Lock.Name += []string{"/0", "/read"}[rng.IntN(2)]
	}
	r.Key = keyspace.Encode(r.Lock.Name, r.Mode, id)
	switch kind := rng.IntN(10); {
	case kind < 2 && r.Lease != 0:
		r.Lock.Layout, r.Mode, r.Owned = layout.Mutex, keyspace.Write, false
		r.Key = fmt.Sprintf("%s/%x", r.Lock.Name, r.Lease)
	case kind == 2:
		r.Key = r.Lock.Name + "/key-" + id
		r.Lock, r.Owned = inspect.LockID{}, false
	}
	return r
}

// Keys returns the keys of requests, separated by spaces.
func Keys[R inspect.Request | *inspect.Request](requests []R) string {
	keys := make([]string, 0, len(requests))
	for i := range requests {
		switch r := any(&requests[i]).(type) {
		case *inspect.Request:
			keys = append(keys, r.Key)
		case **inspect.Request:
			keys = append(keys, (*r).Key)
		}
	}
	return strings.Join(keys, " ")
}

// Requests returns the wanted requests of a snapshot, in its order.
func Requests(s inspect.Snapshot, want func(inspect.Request) bool) []inspect.Request {
	var found []inspect.Request
	for _, l := range s.Locks {
		for _, r := range l.Queue {
			if want(r) {
				found = append(found, r)
			}
		}
	}
	return found
}

// Removed returns the snapshot as it is without these requests and other keys.
func Removed(s inspect.Snapshot, deleted []*inspect.Request) inspect.Snapshot {
	var rest []inspect.Request
	seen := map[string]bool{}
	for _, d := range deleted {
		seen[d.Key] = true
	}
	add := func(r inspect.Request) {
		if !seen[r.Key] {
			seen[r.Key] = true
			rest = append(rest, r)
		}
	}
	for _, l := range s.Locks {
		for _, r := range l.Queue {
			r.Holding = false
			add(r)
		}
		for _, o := range l.Others {
			if !o.IsRequest() {
				add(o)
			}
		}
	}
	return snapshot(s.Revision, rest)
}

// NewlyHolding returns the holders of one snapshot that were none in the one
// before.
func NewlyHolding(before, after inspect.Snapshot) []inspect.Request {
	held := map[string]bool{}
	for _, r := range Requests(before, func(r inspect.Request) bool { return r.Holding }) {
		held[r.Key] = true
	}
	return Requests(after, func(r inspect.Request) bool { return r.Holding && !held[r.Key] })
}
