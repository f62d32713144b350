package backend

import (
	"context"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// Status is the status of etcd.
type Status struct {
	Revision int64  // its current one
	Leader   string // the leader's name or ID; empty: there is none, or it is not known
	Members  int    // 0: not known
	Cluster  inspect.Cluster
	At       time.Time
}

// Health reads the status of etcd.
type Health interface {
	// Status asks one member.
	Status(ctx context.Context) (Status, error)
}

// Rights explains what etcd denies its user.
type Rights interface {
	// Refused reports whether an error says that etcd answered, and denied access.
	// It does not block.
	Refused(err error) bool
	// Explain returns why the locks below prefixes may not be read, given the error
	// that said so.
	Explain(ctx context.Context, prefixes keyspace.Prefixes, refusal error) Refusal
}

// Refusal is why etcd denies access, and what the user can do.
type Refusal struct{ Why, Helps string }

func (r Refusal) String() string { return r.Why + "; " + r.Helps }
