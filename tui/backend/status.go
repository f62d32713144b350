package backend

import (
	"context"
	"time"
)

// Status is what etcd says of itself.
type Status struct {
	Revision int64  // its current one
	Leader   string // the leader's name, or its id; empty: there is none, or it is not known
	Members  int    // 0: not known
	At       time.Time
}

// Health tells how etcd is.
type Health interface {
	// Status asks one member.
	Status(ctx context.Context) (Status, error)
}

// Rights tells what etcd lets its user do.
type Rights interface {
	// Refused reports whether an error says that etcd answers, with no. It does
	// not block.
	Refused(err error) bool
	// Explain says why the locks below prefix may not be read, when that error
	// was the answer.
	Explain(ctx context.Context, prefix string, refusal error) Refusal
}

// Refusal is why etcd shows nothing to its user, and what helps.
type Refusal struct{ Why, Helps string }

func (r Refusal) String() string { return r.Why + "; " + r.Helps }
