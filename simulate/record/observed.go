package record

import (
	"cmp"
	"slices"
	"time"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/scenario"
)

// Observed is what a watch of an etcd saw happen to a request.
type Observed struct {
	At time.Duration // since the recording began; 0 for what had happened before
	// Moment is Waiting or Granted, and in the end Released, Cancelled (it waited and
	// was deleted), Closed (its lease was revoked) or Lost (its lease expired).
	Moment   scenario.Moment
	Key      string // identifies the request
	Revision int64  // its create revision
	Session  string // identifies the client
	Who      string // the label or program of the client; "" if unknown
	Lock     string
	Mode     rwlock.Mode
	Weight   int  // of mode Slot: how many permits
	Permits  int  // of mode Slot: how many the semaphore has, as the client was told
	Mutex    bool // it is a request for etcd's mutex, which does not exclude others of that name
}

// stay is the time that a request is in its queue.
type stay struct {
	Observed               // as it came
	asked    time.Duration // when it came
	granted  time.Duration // none if it was not
	gone     time.Duration // none if it still exists
	how      scenario.Moment
}

// none is a time that does not come.
const none = time.Duration(-1)

// stays returns the requests, in etcd's order.
func stays(seen []Observed) []*stay {
	byKey := map[string]*stay{}
	var all []*stay
	for _, o := range seen {
		s := byKey[o.Key]
		if s == nil {
			if o.Moment != scenario.Waiting && o.Moment != scenario.Granted {
				continue // when it came is unknown
			}
			s = &stay{Observed: o, asked: o.At, granted: none, gone: none}
			byKey[o.Key] = s
			all = append(all, s)
		}
		switch o.Moment {
		case scenario.Waiting:
		case scenario.Granted:
			s.granted = o.At
		default:
			s.gone, s.how = o.At, o.Moment
			delete(byKey, o.Key)
		}
	}
	slices.SortStableFunc(all, func(a, b *stay) int { return cmp.Compare(a.Revision, b.Revision) })
	return all
}
