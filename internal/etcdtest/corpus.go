package etcdtest

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Capture is what a real program had left in etcd at one moment.
type Capture struct {
	Name   string `json:"-"`
	KVs    []CapturedKey
	Leases []CapturedLease
}

// CapturedLease is a lease of a capture.
type CapturedLease struct {
	ID string `json:"id_hex"`
}

// CapturedKey is a key of a capture.
type CapturedKey struct {
	Key     []byte `json:"key_b64"`
	Value   []byte `json:"value_b64"`
	Lease   string `json:"lease_hex"` // empty: none
	Created int64  `json:"create_revision"`
}

// Corpus returns what real programs left in etcd, by name.
func Corpus(tb testing.TB) []Capture {
	tb.Helper()
	_, here, _, _ := runtime.Caller(0)
	files, err := filepath.Glob(filepath.Join(filepath.Dir(here), "../layout/testdata/corpus/*.json"))
	if err != nil || len(files) < 30 {
		tb.Fatal(len(files), "captures", err)
	}
	var all []Capture
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		c := Capture{Name: strings.TrimSuffix(filepath.Base(file), ".json")}
		if err := json.Unmarshal(data, &c); err != nil {
			tb.Fatal(file, err)
		}
		slices.SortFunc(c.KVs, func(a, b CapturedKey) int { return cmp.Compare(a.Created, b.Created) })
		all = append(all, c)
	}
	return all
}

// Restore writes the keys to an etcd in the order in which they were created, with the
// leases that they had. These last an hour.
func (c Capture) Restore(tb testing.TB, client *clientv3.Client) {
	tb.Helper()
	granted := map[string]bool{}
	for _, l := range c.Leases {
		id, err := strconv.ParseInt(l.ID, 16, 64)
		if err != nil {
			tb.Fatal(c.Name, err)
		}
		if _, err := pb.NewLeaseClient(client.ActiveConnection()).LeaseGrant(tb.Context(), &pb.LeaseGrantRequest{ID: id, TTL: 3600}); err != nil {
			tb.Fatal(c.Name, err)
		}
		granted[l.ID] = true
	}
	for _, kv := range c.KVs {
		var id int64
		if granted[kv.Lease] { // in kine, a lease is its TTL
			id, _ = strconv.ParseInt(kv.Lease, 16, 64)
		}
		if _, err := client.Put(tb.Context(), string(kv.Key), string(kv.Value), clientv3.WithLease(clientv3.LeaseID(id))); err != nil {
			tb.Fatal(c.Name, err)
		}
	}
}
