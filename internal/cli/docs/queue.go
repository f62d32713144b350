package docs

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/seconds"
)

// QueueHelp documents the fields of Queue.
var QueueHelp = `layout, state       as for ls
others              keys in the way that are not in the queue, the oldest 64:
  key, key_base64, lease, revision, ttl_seconds, lease_state   as for a request
  lease_unknown       true: its lease was not read
  name, layout        of the lock that it is a request for; absent when it is none
  partial             true: it is a request for a lock of which only a part was read
more_others         how many more there are; absent when none
waiters             as for ls
candidates          clients that would like to have the lock, by their own keys beside it
queue               in the order of the requests in etcd:
  position            from 1
` + Indent(standingHelp, "  ") + `
  ttl_seconds         remaining TTL of the lease; absent when unknown, and far back in a
                      long queue; negative when it is overdue
  lease_state         overdue: it has expired, and etcd has not revoked it; missing: etcd
                      does not have it; unattached: etcd has it, and the key is not attached
                      to it; gone: it ended meanwhile; absent when it is alive, as
                      ttl_seconds says, and when unknown
  blocked_by          the requests that it waits for: count, and last, the position
                      of the last one; and others, the number of
                      others, of those that are listed`

// Queue is the queue of a lock in JSON.
type Queue struct {
	Layout     string                     `json:"layout"`
	State      string                     `json:"state"`
	Others     []OtherKey                 `json:"others"`
	MoreOthers int                        `json:"more_others,omitempty"`
	Waiters    *int                       `json:"waiters"`
	Candidates []string                   `json:"candidates,omitempty"`
	Queue      output.List[QueuedRequest] `json:"queue"`
}

// OtherKey is a key that is in the way of requests, and not in their queue.
type OtherKey struct {
	Key          string `json:"key"`
	KeyBase64    string `json:"key_base64,omitempty"`
	Lease        string `json:"lease,omitempty"`
	LeaseUnknown bool   `json:"lease_unknown,omitempty"`
	Revision     int64  `json:"revision"`
	Name         string `json:"name,omitempty"`
	Layout       string `json:"layout,omitempty"`
	Partial      bool   `json:"partial,omitempty"`
	leaseDoc

	who string // for people
}

// QueuedRequest is a request in its queue.
type QueuedRequest struct {
	Position int `json:"position"`
	Standing
	leaseDoc
	BlockedBy Blockers `json:"blocked_by"`
}

// Blockers is what a request waits for. Its size does not depend on their number,
// which in a long queue would be the square of the queue's length.
type Blockers struct {
	Count  int `json:"count"`
	Last   int `json:"last,omitempty"`
	Others int `json:"others,omitempty"`

	more bool // others than those in the lock's list
}

// NewQueue returns the document of a lock, given what is known of leases, as of a time,
// which is zero when that is not known. It keeps l, which must not change.
func NewQueue(l inspect.Lock, leases map[int64]inspect.Lease, now time.Time) Queue {
	shown := Queue{
		Layout: l.ID.Layout.String(), State: string(l.StateAt(now)), Others: []OtherKey{}, MoreOthers: l.MoreOthers,
		Candidates: l.Candidates, Queue: func(yield func(*QueuedRequest) bool) { yieldQueue(l, leases, now, yield) },
	}
	if waiters := l.Count().Waiters; l.ID.Layout.Waiters {
		shown.Waiters = &waiters
	}
	for _, o := range l.Others {
		shown.Others = append(shown.Others, newOtherKey(o, leases[o.Lease].Of(o.Key)))
	}
	return shown
}

// Queues returns the lists of the documents of locks.
func Queues(locks []Queue) []output.Elements {
	lists := make([]output.Elements, 0, len(locks))
	for _, l := range locks {
		lists = append(lists, l.Queue)
	}
	return lists
}

// MaxKeys is how many keys of a lock's requests Keys repeats in a document that has them.
const MaxKeys = 64

// Keys returns the keys of requests, and how many more there are: those of the lock whose
// queue the document has, by its name, if there are many. The name is empty for none.
func Keys[T any](all []T, name string, request func(*T) *inspect.Request) (keys []string, more int) {
	keys = []string{}
	for i := range all {
		if r := request(&all[i]); len(keys) < MaxKeys || name == "" || r.Lock.Name != name {
			keys = append(keys, r.Key)
		} else {
			more++
		}
	}
	return keys, more
}

// yieldQueue yields the documents of a lock's requests as of a time.
func yieldQueue(l inspect.Lock, leases map[int64]inspect.Lease, now time.Time, yield func(*QueuedRequest) bool) {
	var request QueuedRequest
	earlier := 0          // requests of an earlier revision
	var writers, last int // among them
	for i := range l.Queue {
		r := &l.Queue[i]
		for ; l.Queue[earlier].Revision < r.Revision; earlier++ {
			if l.Queue[earlier].Mode != keyspace.Read {
				writers, last = writers+1, earlier+1
			}
		}
		request.Position, request.leaseDoc, request.BlockedBy = i+1, newLeaseDoc(leases[r.Lease].Of(r.Key)), Blockers{}
		request.set(r)
		request.State = r.StandingAt(now)
		switch {
		case !l.ID.Layout.Waiters:
		case r.Holding:
		case r.Mode != keyspace.Read:
			request.BlockedBy = Blockers{Count: earlier, Last: earlier}
		default:
			request.BlockedBy = Blockers{Count: writers, Last: last}
		}
		for _, o := range l.Others {
			if r.WaitsFor(o) {
				request.BlockedBy.Others++
				request.BlockedBy.more = l.MoreOthers > 0
			}
		}
		if !yield(&request) {
			return
		}
	}
}

func newOtherKey(o inspect.Request, lease inspect.Lease) OtherKey {
	shown := OtherKey{
		Key: o.Key, KeyBase64: output.Base64(o.Key), LeaseUnknown: o.LeaseUnknown, Revision: o.Revision,
		Name: o.Lock.Name, Layout: o.Lock.Layout.String(), Partial: o.Cut, who: o.AsOther(), leaseDoc: newLeaseDoc(lease),
	}
	if o.Lease != 0 {
		shown.Lease = format.Lease(o.Lease)
	}
	if o.IsRequest() {
		shown.who = "request for " + format.Name(o.Lock.Name)
	}
	return shown
}

// leaseDoc is what is known of the lease of a key, in JSON.
type leaseDoc struct {
	TTL        *float64 `json:"ttl_seconds,omitempty"`
	LeaseState string   `json:"lease_state,omitempty"`
}

func newLeaseDoc(lease inspect.Lease) leaseDoc {
	doc := leaseDoc{LeaseState: leaseState(lease.State)}
	if lease.State == inspect.LeaseAlive || lease.State == inspect.LeaseOverdue {
		s := lease.Remaining.Seconds()
		doc.TTL = &s
	}
	return doc
}

// ttl returns the remaining TTL for a table.
func (d leaseDoc) ttl() string {
	switch {
	case d.LeaseState == leaseState(inspect.LeaseMissing):
		return "no such lease"
	case d.LeaseState == leaseState(inspect.LeaseUnattached):
		return "not attached"
	case d.TTL == nil:
		return "-"
	case *d.TTL < 0:
		return "over for " + format.Duration(seconds.FromFloat(-*d.TTL))
	default:
		return format.Duration(seconds.FromFloat(*d.TTL))
	}
}

// Table prints the queue for people as of a time, which is zero when that is not
// known.
func (l Queue) Table(out output.Printer, now time.Time) error {
	if err := l.SayMore(out, ""); err != nil {
		return err
	}
	return out.Rows(QueueHeading(), l.Rows(now))
}

// SayMore prints how many keys are in the way beside those of the table, if there are any.
func (l Queue) SayMore(out output.Printer, before string) error {
	if l.MoreOthers == 0 {
		return nil
	}
	return out.Line(output.Cell{Text: before + format.Count(l.MoreOthers, "more key is in the way", "more keys are in the way")})
}

// QueueHeading is the heading of Queue.Rows.
func QueueHeading() []string {
	return []string{"#", "MODE", "STATE", "AGE", "OWNER", "LEASE", "TTL", "REVISION", "BLOCKED BY", "KEY"}
}

// Rows returns the rows of Table. A row is there only until the next one.
func (l Queue) Rows(now time.Time) iter.Seq[[]output.Cell] {
	return func(yield func([]output.Cell) bool) {
		for _, o := range l.Others {
			row := output.Row("-", "-", "blocks", "-", o.who, format.Dash(o.Lease), o.ttl(), strconv.FormatInt(o.Revision, 10), "-", o.Key)
			row[2].Tone = output.Critical
			if !yield(row) {
				return
			}
		}
		var row []output.Cell
		for r := range l.Queue {
			if row = r.appendRow(row[:0], now); !yield(row) {
				return
			}
		}
	}
}

// appendRow appends the cells of a request.
func (r *QueuedRequest) appendRow(row []output.Cell, now time.Time) []output.Cell {
	for _, text := range [...]string{
		strconv.Itoa(r.Position), r.modeText(), r.State, r.Age(now), Owner(r.Owner), format.Dash(r.Lease), r.ttl(),
		strconv.FormatInt(r.Revision, 10), format.Dash(r.BlockedBy.String()), r.Key,
	} {
		row = append(row, output.Cell{Text: text})
	}
	row[2].Tone = StateTone(r.State != "waiting")
	return row
}

// String describes the blockers for people, by their positions.
func (b Blockers) String() string {
	var parts []string
	switch {
	case b.Count == 1:
		parts = append(parts, strconv.Itoa(b.Last))
	case b.Count > 1 && b.Count == b.Last:
		parts = append(parts, "1-"+strconv.Itoa(b.Last))
	case b.Count > 1:
		parts = append(parts, fmt.Sprintf("%d up to %d", b.Count, b.Last))
	}
	switch {
	case b.Others > 0 && b.more:
		parts = append(parts, "at least "+format.Count(b.Others, "other key", "other keys"))
	case b.Others > 0:
		parts = append(parts, format.Count(b.Others, "other key", "other keys"))
	}
	return strings.Join(parts, ", ")
}
