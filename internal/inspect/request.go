package inspect

import (
	"go.etcd.io/etcd/api/v3/mvccpb"

	"etcd-lock/internal/keyspace"
)

// maxOwner bounds the value that is read as an owner, in bytes. A longer value is
// other data under a key that looks like a request.
const maxOwner = 16 << 10

// newRequest reads a key as a lock request. It keeps the owner, not the value.
func newRequest(kv *mvccpb.KeyValue) (Request, bool) {
	key := string(kv.Key)
	k, ok := keyspace.Parse(key, kv.Lease)
	if !ok {
		return Request{}, false
	}
	r := Request{
		Key:      key,
		Lock:     LockID{Layout: k.Layout, Name: k.Name},
		Mode:     k.Mode,
		Lease:    kv.Lease,
		Revision: kv.CreateRevision,
		Modified: kv.ModRevision,
	}
	if len(kv.Value) <= maxOwner {
		r.Owner, r.Owned = keyspace.DecodeOwner(kv.Value)
	}
	r.Since = r.Owner.Time
	return r, true
}
