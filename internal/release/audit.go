package release

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/printable"
)

// Record is a line of the audit log: who released what, and what came of it.
type Record struct {
	Time     time.Time        `json:"time"`
	User     string           `json:"user"` // of this machine
	Host     string           `json:"host"`
	PID      int              `json:"pid"`
	EtcdUser string           `json:"etcd_user,omitempty"`
	Etcd     string           `json:"etcd"`             // its endpoints
	Reason   string           `json:"reason,omitempty"` // as the user gave it
	Lease    string           `json:"lease,omitempty"`  // of the session that was ended, in hex
	Released []ReleasedRecord `json:"released"`
	Others   []string         `json:"others,omitempty"`   // keys that were no requests
	Revision int64            `json:"revision,omitempty"` // at which they went; absent when they did not
	Error    string           `json:"error,omitempty"`
}

// ReleasedRecord is a request in a Record.
type ReleasedRecord struct {
	Lock     string `json:"lock"`
	Layout   string `json:"layout"`
	Mode     string `json:"mode"`
	State    string `json:"state"` // holding or waiting
	Key      string `json:"key"`
	Revision int64  `json:"revision"`
	Owner    any    `json:"owner,omitempty"`
}

// NewRecord is the record of a plan that somebody of this machine carries out.
func NewRecord(plan Plan, now time.Time) Record {
	r := Record{Time: now, User: "?", PID: os.Getpid(), Released: []ReleasedRecord{}, Others: plan.Others}
	if u, err := user.Current(); err == nil {
		r.User = u.Username
	}
	r.Host, _ = os.Hostname()
	if plan.Lease != 0 {
		r.Lease = strconv.FormatInt(plan.Lease, 16)
	}
	for _, g := range plan.Gone {
		r.Released = append(r.Released, newReleasedRecord(g))
	}
	return r
}

func newReleasedRecord(r inspect.Request) ReleasedRecord {
	rec := ReleasedRecord{
		Lock: r.Lock.Name, Layout: string(r.Lock.Layout), Mode: r.Mode.String(), State: r.Standing(), Key: r.Key, Revision: r.Revision,
	}
	if r.Owned {
		rec.Owner = r.Owner
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
