package deterministic

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/simetcd"
)

// inject has something go wrong.
func (w *world) inject(f fault) {
	select {
	case <-time.After(f.At):
	case <-w.ctx.Done():
		return
	}
	w.tell("%s for %s, target %d", f.Kind, f.For, f.Target)
	m := w.machines[f.Target%len(w.machines)]
	w.mu.Lock()
	s := m.sessions[f.Target/len(w.machines)%2]
	client, link := m.client, m.link
	w.mu.Unlock()
	switch f.Kind {
	case faultLeaderless:
		w.Leaderless(min(f.For, 5*time.Second))
	case faultStop:
		w.Stop(f.Target, f.For)
	case faultLag:
		w.Lag(f.Target, f.For)
	case faultCompact:
		w.Compact(int64(f.Amount) / 8)
	case faultDelete:
		w.deleteKey(f.Target)
	case faultRevoke, faultClose:
		if s != nil && f.Kind == faultClose {
			go func() { _ = s.Close() }()
		} else if s != nil {
			w.mu.Lock()
			w.admin[fmt.Sprint(int64(s.Lease()))] = true
			w.mu.Unlock()
			w.Revoke(int64(s.Lease()))
		}
	default:
		if link != nil {
			trouble(client, link, f)
		}
	}
}

// trouble is a fault of a client's network, or the end of the client.
func trouble(client *clientv3.Client, link *simetcd.Link, f fault) {
	switch f.Kind {
	case faultCut:
		link.Cut(f.For)
	case faultFreeze:
		link.Freeze(f.For)
	case faultStale:
		link.Stale(f.For)
	case faultSlow:
		link.Slow(f.For, time.Duration(f.Amount)*10*time.Millisecond)
	case faultLossy:
		link.Lossy(f.For, f.Amount)
	case faultStreams:
		link.BreakStreams()
	case faultCrash:
		_ = client.Close()
	}
}

// deleteKey deletes one of the keys that exist.
func (w *world) deleteKey(nth int) {
	keys := w.Keys("/", 0)
	if len(keys) == 0 {
		return
	}
	slices.SortFunc(keys, func(a, b *mvccpb.KeyValue) int {
		if a.CreateRevision != b.CreateRevision {
			return int(a.CreateRevision - b.CreateRevision)
		}
		return bytes.Compare(a.Key, b.Key)
	})
	key := string(keys[nth%len(keys)].Key)
	w.mu.Lock()
	w.admin[key] = true
	w.mu.Unlock()
	w.Delete(key)
}
