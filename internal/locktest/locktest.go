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
)

// Epoch is the time of a snapshot: ages count back from it.
var Epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Snapshot reads locks, one a line: "/a  A.w1 B.r2". The requests are those of
// the sessions A and B, by mode (m is a mutex) and create revision.
//
// A session is its lease in hex. With a last digit from A to F its owner is a
// program of that name, with a last digit from a to f it has no owner; "-" has
// no lease either.
//
// What may follow a request: "@5m" and "~5m", its age by the client's clock and
// by the watch's; "!9", the revision of the last write; "</a/write/1", the key
// of the lock that its process runs under.
func Snapshot(tb testing.TB, spec string) inspect.Snapshot {
	tb.Helper()
	queues := map[inspect.LockID][]inspect.Request{}
	for line := range strings.Lines(spec) {
		fields := strings.Fields(line)
		for _, f := range fields[min(1, len(fields)):] {
			r := request(tb, fields[0], f)
			queues[r.Lock] = append(queues[r.Lock], r)
		}
	}
	return snapshot(100, queues)
}

func snapshot(revision int64, queues map[inspect.LockID][]inspect.Request) inspect.Snapshot {
	s := inspect.Snapshot{Revision: revision, Locks: []inspect.Lock{}}
	for id, queue := range queues {
		s.Locks = append(s.Locks, inspect.NewLock(id, queue))
	}
	slices.SortFunc(s.Locks, func(a, b inspect.Lock) int { return a.ID.Compare(b.ID) })
	return s
}

func request(tb testing.TB, name, spec string) inspect.Request {
	tb.Helper()
	session, what, _ := strings.Cut(spec, ".")
	what, under, _ := strings.Cut(what, "<")
	what, written, _ := strings.Cut(what, "!")
	what, seen, _ := strings.Cut(what, "~")
	what, made, _ := strings.Cut(what, "@")
	r := inspect.Request{
		Lock: inspect.LockID{Layout: keyspace.RWLock, Name: name},
		Mode: keyspace.Write, Revision: number(tb, what[1:]),
	}
	if session != "-" {
		r.Lease, _ = strconv.ParseInt(session, 16, 64)
	}
	if what[0] == 'r' {
		r.Mode = keyspace.Read
	}
	r.Key = keyspace.Encode(name, r.Mode, what[1:])
	if what[0] == 'm' {
		r.Lock.Layout, r.Key = keyspace.Mutex, fmt.Sprintf("%s/%x", name, r.Lease)
	}
	if last := session[len(session)-1:]; last >= "A" && last <= "F" {
		r.Owner, r.Owned = keyspace.Owner{Program: strings.ToLower(last), Under: under}, true
	}
	if made != "" {
		r.Owner.Time = Epoch.Add(-duration(tb, made))
		r.Since = r.Owner.Time
	}
	if seen != "" {
		r.Since = Epoch.Add(-duration(tb, seen))
	}
	r.Modified = r.Revision
	if written != "" {
		r.Modified = number(tb, written)
	}
	return r
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
		s := random(rand.New(rand.NewPCG(seed, 7)))
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { check(t, s) })
		if t.Failed() {
			return
		}
	}
}

// random makes locks at random. Few sessions and locks make cycles, requests of
// one transaction share a revision, and some report that they run under a key.
func random(rng *rand.Rand) inspect.Snapshot {
	sessions, locks := 1+rng.IntN(12), 1+rng.IntN(5)
	queues := map[inspect.LockID][]inspect.Request{}
	var keys []string
	revision := int64(1)
	for i := range rng.IntN(30) {
		if rng.IntN(4) > 0 {
			revision++
		}
		r := inspect.Request{
			Lock: inspect.LockID{Layout: keyspace.RWLock, Name: strconv.Itoa(rng.IntN(locks))}, Revision: revision,
			Mode: keyspace.Read + keyspace.Mode(rng.IntN(2)), Lease: int64(rng.IntN(sessions + 1)),
		}
		r.Key = keyspace.Encode(r.Lock.Name, r.Mode, strconv.Itoa(i))
		r.Modified = r.Revision + int64(rng.IntN(20)/19)
		if len(keys) > 0 && rng.IntN(6) == 0 {
			r.Owner.Under, r.Owned = keys[rng.IntN(len(keys))], true
		}
		keys = append(keys, r.Key)
		queues[r.Lock] = append(queues[r.Lock], r)
	}
	return snapshot(revision, queues)
}

// Keys returns the keys of requests, separated by spaces.
func Keys(requests []inspect.Request) string {
	keys := make([]string, 0, len(requests))
	for _, r := range requests {
		keys = append(keys, r.Key)
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

// Removed returns the snapshot as it is without these requests.
func Removed(s inspect.Snapshot, deleted []inspect.Request) inspect.Snapshot {
	after := inspect.Snapshot{Locks: []inspect.Lock{}}
	for _, l := range s.Locks {
		rest := slices.DeleteFunc(slices.Clone(l.Queue), func(r inspect.Request) bool {
			return slices.ContainsFunc(deleted, func(d inspect.Request) bool { return d.Key == r.Key })
		})
		if len(rest) > 0 {
			after.Locks = append(after.Locks, inspect.NewLock(l.ID, rest))
		}
	}
	return after
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
