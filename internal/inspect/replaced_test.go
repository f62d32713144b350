package inspect

import (
	"fmt"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
)

// writeUpTo writes a key outside of the watched prefix until etcd is at revision.
func writeUpTo(t *testing.T, client *clientv3.Client, revision int64) {
	t.Helper()
	for put(t, client, "other") < revision {
	}
}

// untilResynced receives updates until the locks were read anew and are those named.
func (v *viewer) untilResynced(names ...string) Resync {
	v.t.Helper()
	var last Resync
	want := strings.Join(names, " ")
	v.until("a resync to "+want, func(u Update) bool {
		if u.Resynced.Happened() {
			last = u.Resynced
		}
		var got []string
		for _, l := range u.Snapshot.Locks {
			got = append(got, l.ID.Name)
		}
		return u.Err == nil && last.Happened() && strings.Join(got, " ") == want
	})
	if v.resynced != 1 {
		v.t.Errorf("%d resyncs", v.resynced)
	}
	return last
}

// TestAnotherClusterBehindTheAddress: the locks are those of the cluster that answers
// now, whatever revision it is at. A cluster that was set up again in the same way has
// the same ID.
func TestAnotherClusterBehindTheAddress(t *testing.T) {
	t.Parallel()
	a := etcdtest.Start(t)
	writer := etcdtest.Client(t, a)
	writeUpTo(t, writer, 39)
	for _, tt := range []struct {
		revision int64
		otherID  bool
		want     ResyncCause
	}{
		{3, true, ResyncOtherCluster},
		{45, true, ResyncOtherCluster},
		{500, true, ResyncOtherCluster},
		{3, false, ResyncWentBack},
		{500, false, ResyncReplaced},
	} {
		t.Run(fmt.Sprint(tt.revision, tt.want), func(t *testing.T) {
			b := etcdtest.Start(t, func(cfg *etcd.EmbeddedConfig) {
				if tt.otherID {
					cfg.AdvertisePeer = "http://127.0.0.1:1" // the ID is made of it
				}
			})
			other := etcdtest.Client(t, b)
			put(t, other, "/new/write/1")
			writeUpTo(t, other, tt.revision)
			k := newLink(t, a)
			v := watch(t, newSource(etcdtest.Client(t, k.addr)), "/")
			v.untilRevision(put(t, writer, "/old/write/1"))
			from := v.last.Snapshot.Revision
			k.lead(b)
			r := v.untilResynced("/new")
			if r.Cause != tt.want || r.From != from || r.To != tt.revision || r.TokensRepeat() != (!tt.otherID || tt.revision == 3) {
				t.Errorf("resync = %+v, tokens repeat: %v", r, r.TokensRepeat())
			}
			v.untilRevision(put(t, other, "/new/write/2"))
		})
	}
}

// TestRestoredInPlace: a backup that was restored in place has the same identities, and
// may have got past the last revision that was seen.
func TestRestoredInPlace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		since int64 // the revisions that are written after the backup, before it is restored
		after int64 // and after it was restored, before the watch is connected again
		want  ResyncCause
	}{
		{"Behind", 10, 0, ResyncWentBack},
		{"NotFarEnough", 10, 5, ResyncWentBack},
		{"Past", 10, 30, ResyncReplaced},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := etcdtest.StartProcess(t)
			writer := etcdtest.Client(t, p.Endpoint)
			put(t, writer, "/kept/write/1")
			restore := p.Backup()
			k := newLink(t, p.Endpoint)
			v := watch(t, newSource(etcdtest.Client(t, k.addr)), "/")
			lost := put(t, writer, "/lost/write/1")
			writeUpTo(t, writer, lost+tt.since)
			v.untilRevision(lost + tt.since)
			k.cut()
			restore()
			if put(t, writer, "/new/write/1"); tt.after > 0 {
				writeUpTo(t, writer, lost+tt.after)
			}
			k.lead(p.Endpoint)
			r := v.untilResynced("/kept", "/new")
			if r.Cause != tt.want || r.From != lost+tt.since || !r.TokensRepeat() || !strings.Contains(r.Text(), "tokens went back") {
				t.Errorf("resync = %+v: %s", r, r.Text())
			}
			v.untilRevision(put(t, writer, "/new/write/2"))
		})
	}
}

// TestRestoredUnchanged: nothing is said of a restart, nor of a backup that lacks
// nothing that was seen.
func TestRestoredUnchanged(t *testing.T) {
	t.Parallel()
	p := etcdtest.StartProcess(t)
	writer := etcdtest.Client(t, p.Endpoint)
	revision := put(t, writer, "/kept/write/1")
	v := watch(t, newSource(etcdtest.Client(t, p.Endpoint)), "/")
	v.untilRevision(revision)
	restore := p.Backup()
	restore()
	v.untilRevision(put(t, writer, "/kept/write/2"))
	if v.resynced > 0 {
		t.Errorf("%d resyncs: %+v", v.resynced, v.last.Resynced)
	}
}

// TestRestoredTerm: that a backup was restored shows in the raft term too, where etcd has
// compacted what the watch has not seen. Nothing is said then of revisions that went back.
func TestRestoredTerm(t *testing.T) {
	t.Parallel()
	p := etcdtest.StartProcess(t)
	writer := etcdtest.Client(t, p.Endpoint)
	put(t, writer, "/kept/write/1")
	restore := p.Backup()
	p.Kill()
	p.Start() // the term is later than after restore
	k := newLink(t, p.Endpoint)
	v := watch(t, newSource(etcdtest.Client(t, k.addr)), "/")
	v.untilRevision(put(t, writer, "other"))
	from := put(t, writer, "other") // a probe has seen the term before the one that reaches this
	v.untilRevision(from)
	k.cut()
	restore()
	writeUpTo(t, writer, from+10)
	to := put(t, writer, "/new/write/1")
	if _, err := writer.Compact(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	k.lead(p.Endpoint)
	r := v.untilResynced("/kept", "/new")
	if r != (Resync{ResyncWentBack, from, to}) || !r.TokensRepeat() {
		t.Errorf("resync = %+v", r)
	}
	if text := r.Text(); strings.Contains(text, "revisions went back") || !strings.Contains(text, "may be given twice") {
		t.Error(text)
	}
}

// TestLeasesOfAnotherCluster: what another cluster behind the address says of a lease is
// not believed.
func TestLeasesOfAnotherCluster(t *testing.T) {
	t.Parallel()
	client := etcdtest.Client(t, etcdtest.Start(t))
	other := etcdtest.Client(t, etcdtest.Start(t, func(cfg *etcd.EmbeddedConfig) { cfg.AdvertisePeer = "http://127.0.0.1:1" }))
	lease := grant(t, client, 100)
	written, err := client.Put(t.Context(), "/a/write/1", "", clientv3.WithLease(lease))
	if err != nil {
		t.Fatal(err)
	}
	read, err := newSource(client).Snapshot(t.Context(), "/a/")
	if err != nil {
		t.Fatal(err)
	}
	v := watch(t, newSource(client), "/a/")
	v.untilRevision(written.Header.Revision)
	for _, in := range []Snapshot{read, v.last.Snapshot} {
		for of, want := range map[*clientv3.Client]LeaseState{client: LeaseAlive, other: LeaseUnknown} {
			got, err := newSource(of).Leases(t.Context(), []int64{int64(lease)}, in)
			if err != nil || len(got) != 1 || got[int64(lease)].State != want {
				t.Errorf("leases = %+v, %v, want state %v", got, err, want)
			}
		}
	}
}
