package narrate_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/locktest"
	"etcd-lock/internal/narrate"
)

// TestKept wants a key that is kept to be nobody's hold, in what is said of it and of its
// removal.
func TestKept(t *testing.T) {
	id := inspect.LockID{Layout: layout.Builtin().Rule("shedlock"), Name: "shedlock:default:report"}
	say := func(modified int64) (request, about, outlook, remedy string) {
		d := diagnose.Locks(inspect.Snapshot{Locks: inspect.NewLocks(map[inspect.LockID][]inspect.Request{id: {{
			Key: id.Name, Lock: id, Mode: keyspace.Write, Lease: 10, Revision: 5, Modified: modified,
			Owned: true, Owner: keyspace.Owner{Host: "web-1"}.Ref(),
		}}})}, nil, diagnose.Thresholds{}, locktest.Epoch)
		l, s := d.Snapshot.Locks[0], &d.Sessions[0]
		gone := d.Snapshot.Preview(inspect.Pointers(l.Queue)).Gone
		remove := diagnose.Remedy{Target: diagnose.Target{Key: id.Name}, Session: s, Effect: diagnose.Effect{Releases: gone}}
		return narrate.Request(s, l.Queue[0], time.Time{}), narrate.Layout(l, time.Time{})[0],
			strings.Join(narrate.Outlook(d, l, nil, 4), "\n"), narrate.Remedy(cmdline.Flags{}, remove).Headline
	}
	var got []string
	for _, modified := range []int64{5, 6} {
		request, about, outlook, remedy := say(modified)
		got = append(got, request, about, outlook, remedy)
	}
	want := []string{
		"@web-1, by a key that was created at revision 5, lease 000000000000000a",
		"clients of layout shedlock leave no key while they wait, so how many wait is not known",
		"@web-1 holds it until it unlocks or its session ends",
		"delete shedlock:default:report of @web-1: releases shedlock:default:report (shedlock)",
		"after @web-1 ended, by a key that was created at revision 5, lease 000000000000000a",
		"its key was written again at revision 6, as clients of layout shedlock do when they end: nobody holds it then, and nobody gets it until the key's lease ends",
		"",
		"delete shedlock:default:report of @web-1: nobody holds shedlock:default:report (shedlock)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A lock that may be kept has a state of its own, and is said to be given back when it is asked
// for.
func TestCachedLock(t *testing.T) {
	id := inspect.LockID{Layout: layout.Builtin().Rule("rwlock"), Name: "/a"}
	d := diagnose.Locks(inspect.Snapshot{Locks: inspect.NewLocks(map[inspect.LockID][]inspect.Request{id: {{
		Key: "/a/write/1", Lock: id, Mode: keyspace.Write, Lease: 10, Revision: 5,
		Owned: true, Owner: keyspace.Owner{Host: "web-1", Keep: true}.Ref(),
	}}})}, nil, diagnose.Thresholds{}, locktest.Epoch)
	got := narrate.Outlook(d, d.Snapshot.Locks[0], nil, 4)
	if want := "cached by @web-1 between its uses, given back when others ask"; !slices.Contains(got, want) {
		t.Errorf("got %q, want %q among it", got, want)
	}
	r := d.Snapshot.Locks[0].Queue[0]
	if got := [2]string{string(d.Snapshot.Locks[0].State()), r.Standing()}; got != [2]string{"cached", "cached"} {
		t.Errorf("states %q, want cached", got)
	}
	end := narrate.Remedy(cmdline.Flags{}, diagnose.Remedy{Target: diagnose.Target{Lease: 10}, Session: &inspect.Session{}, Effect: diagnose.Effect{Releases: []*inspect.Request{&r}}})
	if want := "without force: etcd-lock ask /a, and its holder, which caches it, gives it back"; !slices.Contains(end.Clauses, want) {
		t.Errorf("got %q, want %q among it", end.Clauses, want)
	}
	s, _ := d.Session(r.Session())
	if got, want := narrate.Request(s, r, time.Time{}), ", caches the lock between its uses"; !strings.HasSuffix(got, want) {
		t.Errorf("got %q, want %q at its end", got, want)
	}
}

// Who holds permits of a semaphore can be asked for them.
func TestPermitsAreAskedFor(t *testing.T) {
	id := inspect.LockID{Layout: layout.Semaphores, Name: "/a"}
	r := inspect.Request{
		Key: "/a/slot/1", Lock: id, Mode: keyspace.Slot, Lease: 10, Revision: 5, Holding: true,
		Owned: true, Owner: keyspace.Owner{Host: "web-1", Weight: 1, Permits: 2}.Ref(),
	}
	end := narrate.Remedy(cmdline.Flags{}, diagnose.Remedy{Target: diagnose.Target{Lease: 10}, Session: &inspect.Session{}, Effect: diagnose.Effect{Releases: []*inspect.Request{&r}}})
	if want := "without force: etcd-lock ask /a asks all who hold its permits to give them back, in case they listen"; !slices.Contains(end.Clauses, want) {
		t.Errorf("got %q, want %q among it", end.Clauses, want)
	}
}
