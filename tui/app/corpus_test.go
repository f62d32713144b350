package app

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
)

// storedKeys is the keys of a capture, as far as a listing reads them.
type storedKeys struct {
	clientv3.KV
	kvs []*mvccpb.KeyValue
}

func newStoredKeys(t *testing.T, c etcdtest.Capture) *storedKeys {
	t.Helper()
	s := &storedKeys{}
	for i, kv := range c.KVs {
		lease, err := strconv.ParseInt(kv.Lease, 16, 64)
		if err != nil && kv.Lease != "" {
			t.Fatal(c.Name, err)
		}
		if !slices.ContainsFunc(c.Leases, func(l etcdtest.CapturedLease) bool { return l.ID == kv.Lease }) { // in kine, a lease is its TTL
			lease = 0
		}
		revision := int64(i + 2)
		s.kvs = append(s.kvs, &mvccpb.KeyValue{Key: kv.Key, Value: kv.Value, Lease: lease, CreateRevision: revision, ModRevision: revision, Version: 1})
	}
	slices.SortFunc(s.kvs, func(a, b *mvccpb.KeyValue) int { return strings.Compare(string(a.Key), string(b.Key)) })
	return s
}

// Get returns the keys of a range.
func (s *storedKeys) Get(_ context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	return &clientv3.GetResponse{Header: s.header(), Kvs: s.in(clientv3.OpGet(key, opts...))}, nil
}

func (s *storedKeys) header() *etcdserverpb.ResponseHeader {
	return &etcdserverpb.ResponseHeader{Revision: int64(len(s.kvs) + 1)}
}

func (s *storedKeys) in(op clientv3.Op) (found []*mvccpb.KeyValue) {
	key, end := string(op.KeyBytes()), string(op.RangeBytes())
	for _, kv := range s.kvs {
		if k := string(kv.Key); k == key || end != "" && k >= key && (k < end || end == "\x00") {
			found = append(found, kv)
		}
	}
	return found
}

// Txn reads what Then says.
func (s *storedKeys) Txn(context.Context) clientv3.Txn { return &readTxn{of: s} }

type readTxn struct {
	clientv3.Txn
	of  *storedKeys
	ops []clientv3.Op
}

func (x *readTxn) Then(ops ...clientv3.Op) clientv3.Txn {
	x.ops = ops
	return x
}

func (x *readTxn) Commit() (*clientv3.TxnResponse, error) {
	resp := &clientv3.TxnResponse{Header: x.of.header()}
	for _, op := range x.ops {
		part := &etcdserverpb.ResponseOp{Response: &etcdserverpb.ResponseOp_ResponseTxn{ResponseTxn: &etcdserverpb.TxnResponse{}}}
		if op.IsGet() {
			part.Response = &etcdserverpb.ResponseOp_ResponseRange{ResponseRange: &etcdserverpb.RangeResponse{Kvs: x.of.in(op)}}
		}
		resp.Responses = append(resp.Responses, part)
	}
	return resp, nil
}

// corpusTime is shortly after the captures of records.
var corpusTime = time.Date(2026, 11, 27, 23, 28, 55, 0, time.UTC)

// blank is empty lines, and the panels' sides on them.
var blank = regexp.MustCompile(`(?m)^[│ ]*\n`)

// TestCorpus pins what the screens show of all that real programs left in etcd: who holds
// which lock, and who waits, as far as that is known.
func TestCorpus(t *testing.T) {
	var b strings.Builder
	for _, c := range etcdtest.Corpus(t) {
		client := clientv3.NewCtxClient(t.Context())
		client.KV = newStoredKeys(t, c)
		s, err := inspect.NewSource(client).Snapshot(t.Context())
		if err != nil {
			t.Fatal(c.Name, err)
		}
		d := newDriver(t, func(o *backend.Options) { o.NoColor, o.Prefixes = true, nil })
		d.clock.add(corpusTime.Sub(d.clock.Now()))
		d.send(resize(160, 50))
		d.show(s)
		d.diagnosed()
		d.diagnosed()
		shot := func(what string) {
			d.idle()
			fmt.Fprintf(&b, "# %s: %s\n%s\n", c.Name, what, blank.ReplaceAllString(d.plain()+"\n", ""))
		}
		shot("locks")
		for i, l := range s.Locks {
			if i > 0 && s.Locks[i-1].ID.Name == l.ID.Name {
				continue
			}
			d.do(nav.OpenLock(l.ID))
			shot(l.ID.Name)
			d.press("esc")
		}
		d.press("2")
		shot("sessions")
		d.press("3")
		shot("problems")
	}
	checkGolden(t, "corpus", b.String())
}
