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
func published(t *testing.T) (chan<- change, <-chan Update) {
	t.Helper()
	changes, out := make(chan change), make(chan Update)
	done := make(chan struct{})
	go func() {
		defer close(done)
		newPublisher(keyspace.Prefixes{"a"}, layout.Builtin(), out, func() time.Time { return epoch }, &unread{}).run(changes)
	}()
	t.Cleanup(func() {
		close(changes)
		<-done
	})
	return changes, out
}

func TestPublisherCoalesces(t *testing.T) {
	changes, out := published(t)
	db := newStore()
	changes <- change{listing: listingAt(db.revision, nil)}
	const n = 3*maxEvents + 5
	for i := range n { // nobody receives, and yet none of these blocks
		db.put(fmt.Sprintf("a%04d/write/1", i), "", 0)
		changes <- change{events: db.commit()}
	}
	if u := <-out; u.Snapshot.Revision != 1 || u.Snapshot.Prefixes[0] != "a" || len(u.Events) != 0 || u.Resynced.Happened() {
		t.Errorf("first update: %+v", u)
	}
	u := <-out
	if u.Snapshot.Revision != db.revision || len(u.Snapshot.Locks) != n {
		t.Errorf("second update: %d locks at %d, want %d at %d", len(u.Snapshot.Locks), u.Snapshot.Revision, n, db.revision)
	}
	if len(u.Events) != maxEvents || u.Missed != n-maxEvents || u.Events[0].Revision != db.revision-maxEvents+1 || u.Events[maxEvents-1].Revision != db.revision {
		t.Errorf("%d events and %d missed, %d to %d", len(u.Events), u.Missed, u.Events[0].Revision, u.Events[len(u.Events)-1].Revision)
	}
}

func TestPublisher(t *testing.T) {
	errDown := errors.New("down")
	t.Run("NoEtcdYet", func(t *testing.T) {
		changes, out := published(t)
		changes <- change{failed: errDown}
		if u := <-out; !errors.Is(u.Err, errDown) || u.Snapshot.Prefixes[0] != "a" {
			t.Errorf("update = %+v, want the error", u)
		}
		changes <- change{listing: listingAt(7, nil)}
		if u := <-out; u.Err != nil || u.Resynced.Happened() || u.Snapshot.Revision != 7 {
			t.Errorf("update = %+v, want the first snapshot", u)
		}
	})
	t.Run("OneRevisionIsOneUpdate", func(t *testing.T) {
		changes, out := published(t)
		db := newStore()
		changes <- change{listing: listingAt(db.revision, nil)}
		<-out
		for range 3 {
			for j := range 5 {
				db.put(fmt.Sprint("a/read/", db.revision, j), "", 0)
			}
			changes <- change{events: db.commit()}
			if u := <-out; len(u.Events) != 5 || u.Snapshot.Revision != db.revision {
				t.Errorf("%d events at %d", len(u.Events), u.Snapshot.Revision)
			}
		}
	})
	t.Run("Resync", func(t *testing.T) {
		changes, out := published(t)
		changes <- change{listing: listingAt(7, func(l *listing) { l.other = 1 })}
		<-out
		changes <- change{listing: listingAt(3, func(l *listing) { l.cause = ResyncWentBack })} // another history may be shorter
		if u := <-out; u.Resynced != (Resync{ResyncWentBack, 7, 3}) || u.Snapshot.Revision != 3 || u.Snapshot.Other != 0 {
			t.Errorf("update = %+v, want a resync", u)
		}
	})
	t.Run("NoNewsNoUpdate", func(t *testing.T) {
		changes, out := published(t)
		changes <- change{listing: listingAt(7, nil)}
		<-out
		changes <- change{progress: 7}
		changes <- change{answered: 7}
		changes <- change{failed: errDown}
		<-out
		changes <- change{failed: errDown}
		select {
		case u := <-out:
			t.Errorf("update without news: %+v", u)
		default:
		}
		changes <- change{progress: 8}
		if u := <-out; u.Snapshot.Revision != 8 || u.Err == nil {
			t.Errorf("update = %+v, want revision 8 and still the error", u)
		}
	})
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
