package locktest

import (
	"time"

	"etcd-lock/internal/inspect"
)

// Incident is locks with which something is wrong.
type Incident struct {
	Name   string
	Locks  string // as Snapshot reads them
	Leases map[int64]inspect.Lease
}

// Incidents has every kind of finding in each of its forms: one test pins what
// is found, another one the words for it.
var Incidents = []Incident{
	{"nothing", "/a A.w1 B.w2@30s C.r3@-5m\n/b D.r1@10m", map[int64]inspect.Lease{0xa: alive(30, 20), 0xb: {}}},
	{"converging is no deadlock", "/a A.w1 B.w3 C.w4\n/b A.w2 C.w5 D.w6\n/c D.r7 B.r8", nil},
	{"deadlock", "/a A.w1 B.w4\n/b B.w2 A.r3", nil},
	{"deadlock of three", "/a A.w1 C.w6 D.w7\n/b B.r2 A.w4\n/c C.w3 B.w5", nil},
	{"deadlock through a waiter ahead", "/a A.r1 B.w3 C.r4\n/b C.w2 A.w5", nil},
	{"deadlock of a waiter ahead elsewhere", "/a A.r1 B.w3 C.r5\n/b C.w2 B.w6", nil},
	{"deadlock inside", "/orders A.w1 C.w4</stock/b\n/stock b.m2 A.m5", nil},
	{"deadlock inside, under another lock", "/a A.w1 C.w5</c/write/3\n/b B.w2 A.w4\n/c B.w3", nil},
	{"deadlock inside, with itself", "/a A.w1 C.w2</a/write/1", nil},
	{"deadlock inside, nested", "/a A.w1 C.w3</b/write/2\n/b B.w2</a/write/1", nil},
	{"inside each other by report only", "/a A.w1</b/write/2\n/b B.w2</a/write/1", nil},
	{"a wait for a nested process", "/a A.w1 B.w3\n/b D.w2 C.w4</a/write/1", nil},
	{"deadlock in a larger component", "/a A.w1 B.w4\n/b B.w2 A.w5 C.w6\n/c C.w3 B.w7", nil},
	{"deadlock of namesakes", "/a A.w1 1A.w4\n/b 1A.w2 A.w3", nil},
	{"no lease", "/a -.w1 -.w2 B.w3 -.r4\n/b -.r5\n/c a.w6 -.w7", nil},
	{"no lease, and a key like an option", "-a -.w1", nil},
	{"expiring", "/a A.w1 B.r2 C.r3\n/b A.r4 C.w5\n/c B.w6", map[int64]inspect.Lease{0xa: alive(30, 12), 0xb: alive(7200, 4000), 0xc: alive(30, 19)}},
	{"lease gone", "/a a.w1 B.w2\n/b C.r1", map[int64]inspect.Lease{0xa: {State: inspect.LeaseGone}, 0xc: {State: inspect.LeaseGone}}},
	{"lease overdue", "/a a.w1 B.w2\n/b C.r1", map[int64]inspect.Lease{0xa: overdue(5, -32), 0xc: overdue(5, -1)}},
	{"lease missing", "/a a.w1 B.w2\n/b C.r1 a.w2", map[int64]inspect.Lease{0xa: {State: inspect.LeaseMissing}, 0xc: {State: inspect.LeaseMissing}}},
	{"lease granted again", "/a a.w1 B.w2\n/b C.r1 a.w2", map[int64]inspect.Lease{0xa: {State: inspect.LeaseUnattached}, 0xc: {State: inspect.LeaseUnattached}}},
	{"lease granted again, used and not renewed", "/a A.w1 B.w2\n/b A.w3 C.w4", map[int64]inspect.Lease{0xa: lacking(alive(30, 12), "/a/write/1")}},
	{"long wait", "/a A.w1 B.w2@5m C.w3~95s", nil},
	{"long wait for readers", "/a A.r1 B.r2 C.r3 D.r4 E.r5 F.w6~31s", nil},
	{"long wait for another lock", "/a A.w1 B.w2~1h30m\n/b C.w3 A.w4", nil},
	{"long wait for a deadlock", "/a A.w1 B.w4 C.w5~31s\n/b B.w2 A.r3", nil},
	{"long hold", "/a A.w1@12m B.w2 C.w3\n/b A.r4~50h B.r5@11m", nil},
	{"long hold, seen granted", "/a A.w1@2h+12m B.w2", nil},
	{"long wait before a grant", "/a A.w1@12m+3s B.w2", nil},
	{"long hold, older than the watch", "/a A.w1@2h?11m B.w2\n/b a.w3?11m B.w4", nil},
	{"long wait, older than the watch", "/a A.w1?54s b.w2?54s", nil},
	{"not renewed since a leader change", "/a A.w1 B.w2", map[int64]inspect.Lease{0xa: restarted(60, 55, 420)}},
	{"mixed layouts", "/a A.w2 B.m1", nil},
	{"mixed layouts that exclude each other", "/a A.w1 B.m2", nil},
	{"another key", "/a -.k1 A.m2 B.m3", nil},
	{"another key on a lease", "/a a.k1 b.w2\n/b a.m3 c.m4", nil},
	{"another key on a lease that is missing", "/a a.k1 b.m2", map[int64]inspect.Lease{0xa: {State: inspect.LeaseMissing}}},
	{"another key on a lease that is overdue", "/a a.k1 b.m2", map[int64]inspect.Lease{0xa: overdue(5, -32)}},
	{"another key on a lease that was granted again", "/a a.k1 b.m2", map[int64]inspect.Lease{0xa: {State: inspect.LeaseUnattached}}},
	{"another key that is in the way of two", "/a/b -.k1 A.m2\n/a B.m3", nil},
	{"long wait for another key", "/a -.k1 A.m2~31s", nil},
	{"a mutex behind one below it", "/a/b A.m1\n/a B.m2 C.m3", nil},
	{"deadlock through nested names", "/n/x A.m1\n/c B.m2 A.m4\n/n B.m3", nil},
	{"self-wait through nested names", "/a/b A.m1\n/a A.m2 B.m3", nil},
	{"modified", "/a A.w1!9 B.w2!7\n/b A.w5!8\n/c A.m5!9 B.m6", nil},
	{"modified while it waits", "/a A.w1 B.w2!7 C.w3", nil},
	{"self-wait", "/a A.r1 A.w2 B.w3", nil},
	{"self-wait behind another", "/a A.r1 B.w2 A.r3@31s", nil},
	{"self-wait, for now", "/a A.w1 B.w2 A.w3@30s B.w4 A.w5", nil},
}

// overdue is a lease that etcd has not revoked, in seconds.
func overdue(granted, remaining int) inspect.Lease {
	l := alive(granted, remaining)
	l.State = inspect.LeaseOverdue
	return l
}

// restarted is a lease whose TTL began anew at a leader change, in seconds.
func restarted(granted, remaining, unrenewed int) inspect.Lease {
	l := alive(granted, remaining)
	l.Restarted, l.Unrenewed = true, time.Duration(unrenewed)*time.Second
	return l
}

// lacking is a lease to which keys with its ID are not attached.
func lacking(l inspect.Lease, keys ...string) inspect.Lease {
	l.Lacks = keys
	return l
}

// alive is a lease, in seconds.
func alive(granted, remaining int) inspect.Lease {
	return inspect.Lease{
		State:   inspect.LeaseAlive,
		Granted: time.Duration(granted) * time.Second, Remaining: time.Duration(remaining) * time.Second,
	}
}
