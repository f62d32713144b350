// Package docs has the JSON documents that several commands print, and what the
// help says about their fields.
package docs

import (
	"strings"
	"time"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// RequestHelp documents the fields of Request.
const RequestHelp = `name, layout        of the lock, as for ls
` + standingHelp

// standingHelp documents the fields of Standing.
const standingHelp = `mode                read or write; of a semaphore of package rwlock, slot
state               holding or waiting; cached: holding, and keeping the lock between its
                    uses until others ask for it; vacant, kept, lapsed or unknown: as for
                    ls, of a lock that is one key
key, key_base64     of the request in etcd
lease               16 hex digits, as etcdctl prints it; absent when there is none
revision            create revision of the key, which is the fencing token
owner               host, pid, program, label, time; under, the key of the lock that its
                    process runs under; traceparent, of its trace; keep: true, it may keep
                    the lock between its uses; upgrade: true, it held the lock for reading
                    and nobody else did; of a semaphore weight, the permits that the
                    request takes, and permits, how many there are, as it was told; absent
                    when the client wrote none. The time
                    is absent where since says it: only what was watched has both
since               when it began to hold or to wait; absent when unknown
term                of a record: holder, acquired, renewed, duration_seconds and ends,
                    from when on others may take the lock; by the holder's clock
slots               of a semaphore: total, and holders
encrypted           true: the value cannot be read
since_bound         at_most: it was granted at some time since then; at_least: it is older
                    than the program's watch, which began then; absent when since is exact`

// Indent indents each line of a text.
func Indent(text, by string) string {
	return by + strings.ReplaceAll(text, "\n", "\n"+by)
}

// Request is a lock request in JSON.
type Request struct {
	Name       string `json:"name"`
	NameBase64 string `json:"name_base64,omitempty"`
	Layout     string `json:"layout"`
	Standing
}

// Standing is a lock request in JSON without its lock, which is not repeated for each
// request of a queue.
type Standing struct {
	Mode       string         `json:"mode"`
	State      string         `json:"state"`
	Key        string         `json:"key"`
	KeyBase64  string         `json:"key_base64,omitempty"`
	Lease      string         `json:"lease,omitempty"`
	Revision   int64          `json:"revision"`
	Owner      keyspace.Owner `json:"owner,omitzero"`
	Since      time.Time      `json:"since,omitzero"`
	SinceBound string         `json:"since_bound,omitempty"`
	Term       *term          `json:"term,omitempty"`
	Slots      *slots         `json:"slots,omitempty"`
	Encrypted  bool           `json:"encrypted,omitempty"`

	start inspect.Start
}

// NewRequest returns the document of a request.
func NewRequest(r inspect.Request) Request {
	doc := Request{Name: r.Lock.Name, NameBase64: output.Base64(r.Lock.Name), Layout: r.Lock.Layout.String()}
	doc.set(&r)
	return doc
}

// set makes it the document of a request.
func (doc *Standing) set(r *inspect.Request) {
	*doc = Standing{
		Mode:      r.Mode.String(),
		State:     r.Standing(),
		Key:       r.Key,
		KeyBase64: output.Base64(r.Key),
		Revision:  r.Revision,
		Encrypted: r.Encrypted,
		start:     r.Start(),
	}
	doc.setValue(r.Term, r.Slots)
	since, bound := doc.start.Since()
	doc.Since = since
	if bound != inspect.AgeExact {
		doc.SinceBound = bound.String()
	}
	if r.Owned {
		doc.Owner = r.Owner.Value()
	}
	if r.Seen.IsZero() && since.Equal(r.Owner.Time) { // it can come from nowhere else
		doc.Owner.Time = time.Time{}
	}
	if r.Lease != 0 {
		doc.Lease = format.Lease(r.Lease)
	}
}

// term is a layout.Term in JSON.
type term struct {
	Holder   string    `json:"holder"`
	Acquired time.Time `json:"acquired,omitzero"`
	Renewed  time.Time `json:"renewed,omitzero"`
	Duration float64   `json:"duration_seconds,omitempty"`
	Ends     time.Time `json:"ends,omitzero"`
}

// slots is a layout.Slots in JSON.
type slots struct {
	Total   int      `json:"total,omitempty"`
	Holders []string `json:"holders"`
}

// setValue sets what the value of the key of a lock says about who holds it.
func (r *Standing) setValue(t *layout.Term, s *layout.Slots) {
	if t != nil {
		r.Term = &term{Holder: t.Holder, Acquired: t.Acquired, Renewed: t.Renewed, Duration: t.Duration.Seconds(), Ends: t.Ends()}
	}
	if s != nil {
		r.Slots = &slots{Total: s.Total, Holders: append([]string{}, s.Holders...)}
	}
}

// modeText returns the mode for a table, and of a semaphore how many permits are taken, of how
// many.
func (r *Standing) modeText() string {
	if r.Mode != keyspace.Slot.String() {
		return r.Mode
	}
	return inspect.Request{Mode: keyspace.Slot, Owner: r.Owner.Ref()}.ModeText()
}

// Age returns how long the request has held or waited, for a table.
func (r *Standing) Age(now time.Time) string { return r.start.Short(now) }

// leaseState returns the word for the state of a lease that is not alive; it is empty when
// that is not known.
func leaseState(s inspect.LeaseState) string {
	switch s {
	case inspect.LeaseOverdue:
		return "overdue"
	case inspect.LeaseMissing:
		return "missing"
	case inspect.LeaseUnattached:
		return "unattached"
	case inspect.LeaseGone:
		return "gone"
	default:
		return ""
	}
}

// NewRequests returns the documents of requests. It is never nil.
func NewRequests(requests []inspect.Request) []Request {
	docs := make([]Request, 0, len(requests))
	for _, r := range requests {
		docs = append(docs, NewRequest(r))
	}
	return docs
}

// StateTone returns the tone of a request that holds its lock or waits for it.
func StateTone(holds bool) output.Tone {
	if holds {
		return output.Holding
	}
	return output.Waiting
}

// Owner returns an owner for a table.
func Owner(o keyspace.Owner) string { return format.Dash(format.Owner(o)) }
