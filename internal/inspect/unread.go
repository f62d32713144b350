package inspect

import (
	"context"
	"errors"
	"slices"
	"sync"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/kine"
)

// maxUnread bounds the keys whose leases are read at a time.
const maxUnread = 256

// unreadLeases returns keys in the way of locks whose leases are not known, at most
// maxUnread.
func unreadLeases(locks []Lock) []Request {
	var u unreadKeys
	for _, lock := range locks {
		u.add(lock)
	}
	return u.keys
}

// unreadKeys is what unreadLeases returns.
type unreadKeys struct {
	keys []Request
	seen map[string]bool
}

func (u *unreadKeys) add(lock Lock) {
	for _, o := range lock.Others {
		if o.LeaseUnknown && !u.seen[o.Key] && len(u.keys) < maxUnread {
			if u.seen == nil {
				u.seen = map[string]bool{}
			}
			u.seen[o.Key] = true
			u.keys = append(u.keys, o)
		}
	}
}

// unread returns keys in the way of touched locks whose leases are not known.
func (s *state) unread() []Request {
	var u unreadKeys
	for _, t := range s.touched {
		u.add(t.Lock)
	}
	return u.keys
}

// leaseReader reads the leases of keys. etcd returns a lease only with the value,
// which may be huge, but compares it without: so it reads only keys that have one.
type leaseReader struct {
	kv       clientv3.KV
	revision int64
	past     bool // comparisons do not apply to the revision
}

// read returns the keys with their leases, as of the reader's revision. It leaves out
// those that have changed.
func (l leaseReader) read(ctx context.Context, keys []Request) (kvs []*mvccpb.KeyValue, err error) {
	for some := range slices.Chunk(keys, firstValues) {
		if !l.past {
			leaseless, rest, err := l.compare(ctx, some)
			switch {
			case errors.Is(err, rpctypes.ErrCorrupt), errors.Is(err, kine.ErrTxn): // they refuse nested transactions
			case err != nil:
				return nil, err
			default:
				kvs, some = append(kvs, leaseless...), rest
			}
		}
		leased, err := l.readAll(ctx, some)
		if err != nil {
			return nil, err
		}
		kvs = append(kvs, leased...)
	}
	return kvs, nil
}

// compare returns which of the keys have no lease, and which have one or have changed.
func (l leaseReader) compare(ctx context.Context, keys []Request) (leaseless []*mvccpb.KeyValue, rest []Request, err error) {
	ops := make([]clientv3.Op, 0, len(keys))
	for _, r := range keys {
		ops = append(ops, clientv3.OpTxn([]clientv3.Cmp{
			clientv3.Compare(clientv3.ModRevision(r.Key), "=", r.Modified),
			clientv3.Compare(clientv3.LeaseValue(r.Key), "=", 0),
		}, nil, nil))
	}
	resp, err := l.kv.Txn(ctx).Then(ops...).Commit()
	if err != nil {
		return nil, nil, err
	}
	for i, r := range keys {
		if resp.Responses[i].GetResponseTxn().Succeeded {
			leaseless = append(leaseless, &mvccpb.KeyValue{Key: []byte(r.Key), CreateRevision: r.Revision, ModRevision: r.Modified})
		} else {
			rest = append(rest, r)
		}
	}
	return leaseless, rest, nil
}

// readAll reads keys with their values.
func (l leaseReader) readAll(ctx context.Context, keys []Request) (kvs []*mvccpb.KeyValue, err error) {
	if len(keys) == 0 {
		return nil, nil
	}
	ops := make([]clientv3.Op, 0, len(keys))
	for _, r := range keys {
		ops = append(ops, clientv3.OpGet(r.Key, clientv3.WithRev(l.revision)))
	}
	return readOps(ctx, l.kv, ops)
}

// keyLeases is the leases of keys that were read.
type keyLeases map[string]int64

func leasesOf(kvs []*mvccpb.KeyValue) keyLeases {
	leases := make(keyLeases, len(kvs))
	for _, kv := range kvs {
		leases[string(kv.Key)] = kv.Lease
	}
	return leases
}

// setOn sets the leases of those keys that were read.
func (l keyLeases) setOn(keys []Request) {
	for i := range keys {
		if lease, ok := l[keys[i].Key]; ok {
			keys[i].Lease, keys[i].LeaseUnknown = lease, false
		}
	}
}

// unread is the keys whose leases the publisher needs and the follower has to read.
type unread struct {
	mu   sync.Mutex
	keys []Request
}

// add adds keys, unless many are left from before.
func (u *unread) add(keys []Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.keys) < maxUnread {
		u.keys = append(u.keys, keys...)
	}
}

// take returns the keys and removes them.
func (u *unread) take() []Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	keys := u.keys
	u.keys = nil
	return keys
}

// readLeases reads the leases that the publisher needs. If that fails, they are not
// known until the locks change.
func (f *follower) readLeases(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, f.tuning.patience)
	defer cancel()
	kvs, err := leaseReader{kv: f.client}.read(ctx, f.unread.take())
	if err == nil && len(kvs) > 0 {
		f.changes.send(change{leases: kvs})
	}
}
