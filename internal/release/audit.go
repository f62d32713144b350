package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/printable"
)

// Audit says where and how an attempt to release is recorded.
type Audit struct {
	Log    io.Writer // gets a line of JSON for each attempt, see Record
	Reason string    // as given by the user
	Now    func() time.Time
}

// Apply removes what the plan lists, in one transaction, if none of it has
// changed; otherwise it removes nothing and returns ErrChanged with the reason.
// It returns the revision at which the requests were removed, and records the
// attempt in the audit log whether it succeeded or not.
//
// It returns ErrUnsure when etcd's replies were lost, so that it is not known
// whether the requests were removed. With ErrStillUsed, and when revoking the lease failed, the requests were
// removed nevertheless and the revision is not 0.
func (r *Releaser) Apply(ctx context.Context, plan Plan, audit Audit) (revision int64, err error) {
	record := NewRecord(plan, audit.Now())
	var removal error
	err = r.conn.Do(ctx, func(ctx context.Context) error {
		revision, removal = r.remove(ctx, plan)
		return removal
	})
	if errors.Is(removal, ErrUnsure) && !errors.Is(err, ErrUnsure) { // the time was up, which does not say so
		err = fmt.Errorf("%w: %w", ErrUnsure, err)
	}
	record.Reason, record.Etcd, record.EtcdUser, record.Revision = audit.Reason, r.conn.Endpoint, r.conn.User, revision
	if err != nil {
		record.Error = err.Error()
	}
	return revision, errors.Join(err, record.Write(audit.Log))
}

// OpenAuditLog opens a file to append records to. Without a file, it returns a
// log that discards them.
func OpenAuditLog(file string) (io.WriteCloser, error) {
	if file == "" {
		return discard{io.Discard}, nil
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	return f, nil
}

type discard struct{ io.Writer }

func (discard) Close() error { return nil }

// Record is a line of the audit log: who tried to release what, and whether it
// succeeded.
type Record struct {
	Time     time.Time        `json:"time"`
	User     string           `json:"user"` // of this machine
	Host     string           `json:"host"`
	PID      int              `json:"pid"`
	EtcdUser string           `json:"etcd_user,omitempty"`
	Etcd     string           `json:"etcd"` // endpoints
	Reason   string           `json:"reason,omitempty"`
	Lease    string           `json:"lease,omitempty"` // that was to be revoked, in hex
	Released []ReleasedRecord `json:"released"`
	Others   []string         `json:"others,omitempty"`   // keys that count as no lock requests
	Partial  []string         `json:"partial,omitempty"`  // those of them that are requests for locks of which only a part was read
	Revision int64            `json:"revision,omitempty"` // at which the keys were removed; absent when they were not
	Error    string           `json:"error,omitempty"`
}

// ReleasedRecord is a request in a Record.
type ReleasedRecord struct {
	Lock     string          `json:"lock"`
	Layout   string          `json:"layout"`
	Mode     string          `json:"mode"`
	State    string          `json:"state"` // holding or waiting
	Key      string          `json:"key"`
	Revision int64           `json:"revision"`
	Owner    *keyspace.Owner `json:"owner,omitempty"`
}

// NewRecord returns the record of a plan that this process is about to apply.
func NewRecord(plan Plan, now time.Time) Record {
	r := Record{Time: now, User: "?", PID: os.Getpid(), Released: []ReleasedRecord{}}
	r.Others, r.Partial = plan.OtherKeys()
	if u, err := user.Current(); err == nil {
		r.User = u.Username
	}
	r.Host, _ = os.Hostname()
	if plan.Lease != 0 {
		r.Lease = format.Lease(plan.Lease)
	}
	for _, g := range plan.Gone {
		r.Released = append(r.Released, newReleasedRecord(g))
	}
	return r
}

func newReleasedRecord(r inspect.Request) ReleasedRecord {
	rec := ReleasedRecord{
		Lock: r.Lock.Name, Layout: r.Lock.Layout.String(), Mode: r.Mode.String(), State: r.Standing(), Key: r.Key, Revision: r.Revision,
	}
	if r.Owned {
		owner := r.Owner.Value()
		rec.Owner = &owner
	}
	return rec
}

// Write appends the record to w as a line of JSON.
func (r Record) Write(w io.Writer) error {
	line, err := json.Marshal(r)
	if err == nil {
		_, err = w.Write(append(printable.JSON(line), '\n'))
	}
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	return nil
}
