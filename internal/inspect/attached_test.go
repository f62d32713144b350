package inspect

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
)

// forgetful answers for leases as an etcd that had lost them and granted them again: it does
// not list the keys that they had before. It counts how often it was asked for keys.
type forgetful struct {
	clientv3.Lease
	lost     []string
	term     uint64
	listings int
}

func (f *forgetful) TimeToLive(ctx context.Context, id clientv3.LeaseID, options ...clientv3.LeaseOption) (*clientv3.LeaseTimeToLiveResponse, error) {
	resp, err := f.Lease.TimeToLive(ctx, id, options...)
	if err != nil {
		return nil, err
	}
	if len(options) > 0 {
		f.listings++
		resp.Keys = slices.DeleteFunc(resp.Keys, func(key []byte) bool { return slices.Contains(f.lost, string(key)) })
	}
	resp.RaftTerm += f.term
	return resp, nil
}

// A request that has the ID of a lease to which it is not attached is ended by nothing. Once
// all of them are found to be attached, they are until there is a new term, and the keys of the
// lease, which may be many, are not asked for again.
func TestUnattached(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	lease := grant(t, client, 100)
	const old, other, fresh = "/a/write/1", "/b/write/1", "/c/write/1"
	put := func(key string) {
		t.Helper()
		if _, err := client.Put(t.Context(), key, "", clientv3.WithLease(lease)); err != nil {
			t.Fatal(err)
		}
	}
	put(old)
	put(other)
	etcd := &forgetful{Lease: client.Lease}
	client.Lease = etcd
	source := newSource(client)
	read := func(prefix string) Snapshot {
		t.Helper()
		s, err := source.Snapshot(t.Context(), prefix)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	ask := func(in Snapshot) Lease {
		t.Helper()
		got, err := source.Leases(t.Context(), []int64{int64(lease)}, in)
		if err != nil {
			t.Fatal(err)
		}
		l := got[int64(lease)]
		l.Remaining, l.Term = 0, 0
		return l
	}
	whole := Lease{State: LeaseAlive, Granted: 100 * time.Second}
	lacking := func(keys ...string) Lease { l := whole; l.Lacks = keys; return l }
	check := func(what string, got, want Lease, listings int) {
		t.Helper()
		if !cmp.Equal(got, want) || etcd.listings != listings {
			t.Errorf("%s: %+v after %d listings of keys, want %+v after %d", what, got, etcd.listings, want, listings)
		}
		etcd.listings = 0
	}
	check("attached, a newer one", ask(read("/b/")), whole, 1)
	check("the same again", ask(read("/b/")), whole, 0)
	check("attached", ask(read("")), whole, 1)
	put(fresh)
	check("with one that was put on it since", ask(read("")), whole, 0)

	etcd.lost, etcd.term = []string{old, other}, 1
	check("the first answer of a new term", ask(read("")), whole, 0)
	check("some are lost", ask(read("")), lacking(old, other), 2)
	if l := lacking(old); l.Of(old).State != LeaseUnattached || l.Of(fresh).State != LeaseAlive {
		t.Errorf("of a key: %+v, %+v", l.Of(old), l.Of(fresh))
	}
	check("all of these are lost", ask(read("/a/")), Lease{State: LeaseUnattached}, 2)
	before := read("")
	put(old) // attaches it
	etcd.lost = []string{old, other}
	check("one was put again meanwhile", ask(before), lacking(other), 2)
	if _, err := client.Delete(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	check("and the other one was deleted", ask(before), whole, 1)
	check("no requests", ask(Snapshot{}), whole, 0)
}
