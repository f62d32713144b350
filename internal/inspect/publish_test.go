package inspect

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// published runs a publisher on changes that it is handed one by one.
func published(t *testing.T) (changes feed, out <-chan Update) {
	t.Helper()
	return publishedAs(t, func(*publisher) {})
}

// publishedAs is published, after the publisher was changed.
func publishedAs(t *testing.T, as func(*publisher)) (changes feed, out <-chan Update) {
	t.Helper()
	updates := make(chan Update)
	changes = newFeed()
	done := make(chan struct{})
	p := newPublisher(keyspace.Prefixes{"a"}, layout.Builtin(), updates, func() time.Time { return epoch }, &unread{})
	as(p)
	go func() {
		defer close(done)
		p.run(changes)
	}()
	t.Cleanup(func() {
		changes.close()
		<-done
	})
	return changes, updates
}

// handled returns once all changes that were sent are handled.
func (f feed) handled() {
	same := make(chan bool, 1)
	f.send(change{check: &checking{listing: *listingAt(1, nil), same: same}})
	<-same
}

func TestPublisherCoalesces(t *testing.T) {
	changes, out := published(t)
	db := newStore()
	changes.send(change{listing: listingAt(db.revision, nil)})
	if u := <-out; u.Snapshot.Revision != 1 || u.Snapshot.Prefixes[0] != "a" || len(u.Events) != 0 || u.Resynced.Happened() {
		t.Errorf("first update: %d events at %d", len(u.Events), u.Snapshot.Revision)
	}
	const n = 3*maxEvents + 5
	for i := range n { // nobody receives, and yet none of these blocks
		db.put(fmt.Sprintf("a%04d/write/1", i), "", 0)
		changes.send(change{events: db.commit(), at: epoch})
	}
	changes.handled()
	var u Update
	for seen, updates := 0, 0; u.Snapshot.Revision < db.revision; {
		u = <-out
		seen += u.Missed + len(u.Events)
		if updates++; updates > 2 || len(u.Events) > maxEvents || int64(seen) != u.Snapshot.Revision-1 || u.Events[len(u.Events)-1].Revision != u.Snapshot.Revision {
			t.Errorf("update %d: %d events and %d missed, at %d", updates, len(u.Events), u.Missed, u.Snapshot.Revision)
		}
	}
	if len(u.Snapshot.Locks) != n {
		t.Errorf("%d locks, want %d", len(u.Snapshot.Locks), n)
	}
}

func TestPublisher(t *testing.T) {
	errDown := errors.New("down")
	t.Run("NoEtcdYet", func(t *testing.T) {
		changes, out := published(t)
		changes.send(change{failed: errDown})
		if u := <-out; !errors.Is(u.Err, errDown) || u.Snapshot.Prefixes[0] != "a" {
			t.Errorf("update = %+v, want the error", u)
		}
		changes.send(change{listing: listingAt(7, nil)})
		if u := <-out; u.Err != nil || u.Resynced.Happened() || u.Snapshot.Revision != 7 {
			t.Errorf("update = %+v, want the first snapshot", u)
		}
	})
	t.Run("OneRevisionIsOneUpdate", func(t *testing.T) {
		changes, out := published(t)
		db := newStore()
		changes.send(change{listing: listingAt(db.revision, nil)})
		<-out
		for range 3 {
			for j := range 5 {
				db.put(fmt.Sprint("a/read/", db.revision, j), "", 0)
			}
			changes.send(change{events: db.commit(), at: epoch})
			if u := <-out; len(u.Events) != 5 || u.Snapshot.Revision != db.revision {
				t.Errorf("%d events at %d", len(u.Events), u.Snapshot.Revision)
			}
		}
	})
	t.Run("Resync", func(t *testing.T) {
		changes, out := published(t)
		changes.send(change{listing: listingAt(7, func(l *listing) { l.other = 1 })})
		<-out
		changes.send(change{listing: listingAt(3, func(l *listing) { l.cause = ResyncWentBack })}) // another history may be shorter
		if u := <-out; u.Resynced != (Resync{ResyncWentBack, 7, 3}) || u.Snapshot.Revision != 3 || u.Snapshot.Other != 0 {
			t.Errorf("update = %+v, want a resync", u)
		}
	})
	t.Run("NoNewsNoUpdate", func(t *testing.T) {
		changes, out := published(t)
		changes.send(change{listing: listingAt(7, nil)})
		<-out
		changes.send(change{progress: 7})
		changes.send(change{answered: 7})
		changes.send(change{failed: errDown})
		<-out
		changes.send(change{failed: errDown})
		select {
		case u := <-out:
			t.Errorf("update without news: %+v", u)
		default:
		}
		changes.send(change{progress: 8})
		if u := <-out; u.Snapshot.Revision != 8 || u.Err == nil {
			t.Errorf("update = %+v, want revision 8 and still the error", u)
		}
	})
}

// TestBareUpdates: updates with steps have their locks where these are needed, and now and
// then.
func TestBareUpdates(t *testing.T) {
	now := epoch
	p := newPublisher(keyspace.Prefixes{"a"}, layout.Builtin(), nil, func() time.Time { return now }, &unread{})
	p.noteSteps()
	db := newStore()
	happens := func() {
		db.put(fmt.Sprint("a/write/", db.revision), "", 0)
		p.handle(change{events: db.commit(), at: epoch})
	}
	var last Update
	take := func(what string, bare bool, locks, events int) {
		t.Helper()
		u := p.take()
		last = u
		if u.Bare != bare || len(u.Snapshot.Locks) != locks || u.Snapshot.Revision != p.state.revision || len(u.Events) != events {
			t.Errorf("%s: bare is %t, %d locks, %d events at %d", what, u.Bare, len(u.Snapshot.Locks), len(u.Events), u.Snapshot.Revision)
		}
	}
	p.handle(change{listing: listingAt(db.revision, nil)})
	take("the first one", false, 0, 0)
	happens()
	take("something happened", true, 0, 1)
	happens()
	take("something happens again", true, 0, 1)
	now = now.Add(locksPause(3))
	happens()
	take("after a while", false, 1, 1)
	happens()
	take("and again", true, 0, 1)
	p.quiet = true
	take("nothing happened", false, 1, 0)
	p.quiet = false
	for range 2*maxSteps + 1 {
		happens()
	}
	take("some were dropped", false, 1, maxSteps)
	if s := last.Steps; len(s) != 1 || s[0].Read == nil || len(s[0].Read.Locks) != 1 || s[0].Revision != db.revision {
		t.Errorf("the steps after those that were dropped are %+v", s)
	}
	p.handle(change{listing: listingAt(db.revision, func(l *listing) { l.cause = ResyncSilent })})
	take("they were read anew", false, 0, 0)
}

// TestLocksPause: the more keys there are, the more rarely their locks are copied.
func TestLocksPause(t *testing.T) {
	for keys, want := range map[int]time.Duration{0: 5 * time.Second, 10_000: 7500 * time.Millisecond, 100_000: 30 * time.Second, 10_000_000: 30 * time.Second} {
		if got := locksPause(keys); got != want {
			t.Errorf("%d keys: %s, want %s", keys, got, want)
		}
	}
}

// TestBareUpdatesEnd: once nothing more happens, an update with locks follows a bare one.
func TestBareUpdatesEnd(t *testing.T) {
	changes, out := publishedAs(t, (*publisher).noteSteps)
	db := newStore()
	changes.send(change{listing: listingAt(db.revision, nil)})
	<-out
	db.put("a/write/1", "", 0)
	changes.send(change{events: db.commit(), at: epoch})
	if u := <-out; !u.Bare || len(u.Steps) != 1 {
		t.Errorf("update = %+v, want one without locks", u)
	}
	if u := <-out; u.Bare || len(u.Snapshot.Locks) != 1 || len(u.Events)+len(u.Steps) > 0 {
		t.Errorf("update = %+v, want the locks", u)
	}
}

func TestHealth(t *testing.T) {
	errDown := errors.New("down")
	const applied = 10
	tests := []struct {
		name  string
		steps func(h *health)
		want  error
	}{
		{"starts well", func(*health) {}, nil},
		{"a probe may be ahead", func(h *health) { h.answered(12, applied) }, nil},
		{"the watch must follow", func(h *health) { h.answered(12, applied); h.answered(12, applied) }, ErrBehind},
		{"it follows", func(h *health) { h.answered(12, applied); h.answered(14, 12) }, nil},
		{"it follows later", func(h *health) { h.answered(12, applied); h.answered(12, applied); h.reached(12) }, nil},
		{"it need not follow what came since", func(h *health) { h.answered(12, applied); h.answered(90, applied); h.reached(12) }, nil},
		{"failed", func(h *health) { h.answered(10, applied); h.failed(errDown) }, errDown},
		{"the watch alone makes nothing good", func(h *health) { h.failed(errDown); h.reached(12) }, errDown},
		{"nor does a read alone", func(h *health) { h.failed(errDown); h.answered(12, applied) }, errDown},
		{"recovered", func(h *health) { h.failed(errDown); h.answered(12, applied); h.reached(12) }, nil},
		{"nothing happened meanwhile", func(h *health) { h.failed(errDown); h.answered(applied, applied) }, nil},
		{"a read is all there is", func(h *health) { h.progress = false; h.failed(errDown); h.answered(12, applied) }, nil},
		{"and then nobody is behind", func(h *health) { h.progress = false; h.answered(12, applied); h.answered(12, applied) }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := health{progress: true}
			tt.steps(&h)
			if !errors.Is(h.err, tt.want) {
				t.Errorf("err = %v, want %v", h.err, tt.want)
			}
		})
	}
}

// listingAt returns a listing without keys.
func listingAt(revision int64, change func(*listing)) *listing {
	l := newListing(nil, layout.Builtin())
	l.revision = revision
	if change != nil {
		change(&l)
	}
	return &l
}
