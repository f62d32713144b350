package docs

import (
	"strconv"
	"time"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/keyspace"
)

// AppendJSON appends the request as encoding/json encodes it, with what a terminal could
// act on escaped. A queue can have 100,000
// requests, and reflection would take longer than reading them from etcd.
func (r *QueuedRequest) AppendJSON(b []byte) ([]byte, error) {
	o := object{b: append(b, '{')}
	o.integer("position", int64(r.Position))
	r.appendTo(&o)
	if r.TTL != nil {
		o.number("ttl_seconds", *r.TTL)
	}
	o.optional("lease_state", r.LeaseState)
	o.name("blocked_by")
	blockers := object{b: append(o.b, '{')}
	blockers.integer("count", int64(r.BlockedBy.Count))
	blockers.positive("last", r.BlockedBy.Last)
	blockers.positive("others", r.BlockedBy.Others)
	blockers.b = append(blockers.b, '}', '}')
	return blockers.b, o.err
}

func (r *Standing) appendTo(o *object) {
	o.text("mode", r.Mode)
	o.text("state", r.State)
	o.text("key", r.Key)
	o.optional("key_base64", r.KeyBase64)
	o.optional("lease", r.Lease)
	o.integer("revision", r.Revision)
	if r.Owner != (keyspace.Owner{}) {
		o.name("owner")
		o.b, o.err = appendOwner(o.b, &r.Owner)
	}
	o.time("since", r.Since)
	o.optional("since_bound", r.SinceBound)
	if r.Term != nil {
		o.any("term", r.Term)
	}
	if r.Slots != nil {
		o.any("slots", r.Slots)
	}
	if r.Encrypted {
		o.any("encrypted", true)
	}
}

func appendOwner(b []byte, owner *keyspace.Owner) ([]byte, error) {
	o := object{b: append(b, '{')}
	o.optional("host", owner.Host)
	if owner.PID != 0 {
		o.integer("pid", int64(owner.PID))
	}
	o.optional("program", owner.Program)
	o.optional("label", owner.Label)
	o.optional("under", owner.Under)
	o.optional("traceparent", owner.Trace)
	if owner.Keep {
		o.any("keep", true)
	}
	if owner.Upgrade {
		o.any("upgrade", true)
	}
	if owner.Weight != 0 {
		o.any("weight", owner.Weight)
	}
	if owner.Permits != 0 {
		o.any("permits", owner.Permits)
	}
	o.time("time", owner.Time)
	return append(o.b, '}'), o.err
}

// object is a JSON object that is being appended to b.
type object struct {
	b   []byte
	err error
}

// name appends the name of a field, which needs no escapes.
func (o *object) name(name string) {
	if o.b[len(o.b)-1] != '{' {
		o.b = append(o.b, ',')
	}
	o.b = append(append(append(o.b, '"'), name...), '"', ':')
}

func (o *object) text(name, s string) {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f || s[i] == '"' || s[i] == '\\' {
			o.any(name, s)
			return
		}
	}
	o.name(name)
	o.b = append(append(append(o.b, '"'), s...), '"')
}

// optional appends a text unless it is empty.
func (o *object) optional(name, s string) {
	if s != "" {
		o.text(name, s)
	}
}

func (o *object) integer(name string, n int64) {
	o.name(name)
	o.b = strconv.AppendInt(o.b, n, 10)
}

// positive appends a number unless it is 0.
func (o *object) positive(name string, n int) {
	if n != 0 {
		o.integer(name, int64(n))
	}
}

func (o *object) number(name string, f float64) {
	if whole := int64(f); whole > -1<<53 && whole < 1<<53 && float64(whole) == f {
		o.integer(name, whole)
		return
	}
	o.any(name, f)
}

// time appends a time unless it is zero.
func (o *object) time(name string, t time.Time) {
	switch _, offset := t.Zone(); {
	case t.IsZero():
	case offset != 0 || t.Year() < 0 || t.Year() > 9999:
		o.any(name, t)
	default:
		o.name(name)
		o.b = append(t.AppendFormat(append(o.b, '"'), time.RFC3339Nano), '"')
	}
}

// any appends a value as encoding/json encodes it.
func (o *object) any(name string, v any) {
	o.name(name)
	var err error
	if o.b, err = output.AppendJSON(o.b, v); err != nil {
		o.err = err
	}
}
