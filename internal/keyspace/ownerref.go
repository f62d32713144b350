package keyspace

import (
	"time"
	"unique"
)

// OwnerRef refers to an Owner. Equal owners take memory once, whatever their times: a client
// makes many requests. Refs are equal if their owners are; the zero OwnerRef refers to the
// zero Owner.
type OwnerRef struct {
	Time   time.Time            // of the owner
	client unique.Handle[Owner] // without a time; the zero handle refers to the zero Owner
}

// Ref returns what refers to the owner.
func (o Owner) Ref() OwnerRef {
	ref := OwnerRef{Time: o.Time}
	if o.Time = (time.Time{}); o != (Owner{}) {
		ref.client = unique.Make(o)
	}
	return ref
}

// Value returns the owner.
func (r OwnerRef) Value() Owner {
	var o Owner
	if r.client != (unique.Handle[Owner]{}) {
		o = r.client.Value()
	}
	o.Time = r.Time
	return o
}

// SameClient reports whether two owners are equal but for their times, at little cost.
func (r OwnerRef) SameClient(other OwnerRef) bool { return r.client == other.client }

// Equal reports whether two owners are equal, and their times are the same instant.
func (r OwnerRef) Equal(other OwnerRef) bool {
	return r.client == other.client && r.Time.Equal(other.Time)
}

// Client returns what refers to the owner without its time and its traceparent, which no two
// requests share.
func (r OwnerRef) Client() OwnerRef {
	r.Time = time.Time{}
	if o := r.Value(); o.Trace != "" {
		o.Trace = ""
		return o.Ref()
	}
	return r
}
