package cli

import (
	"strings"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// requestLong documents requestDoc for the help of commands that print it, the
// fields that it shares with others left out.
const requestLong = `name, layout        of the lock, as for ls
mode                read or write
state               holding or waiting
key, key_base64     in etcd
lease               16 hex digits, as etcdctl prints it; absent when there is none
revision            the key's create revision, which is the fencing token
owner               host, pid, program, label, time, and under, the key of the lock
                    that its process was started under; absent when it wrote none
since               when the request was made; absent when unknown`

// indent puts text further to the right.
func indent(text, by string) string {
	return by + strings.ReplaceAll(text, "\n", "\n"+by)
}

// requestDoc is a request in JSON.
type requestDoc struct {
	Name       string          `json:"name"`
	NameBase64 string          `json:"name_base64,omitempty"`
	Layout     string          `json:"layout"`
	Mode       string          `json:"mode"`
	State      string          `json:"state"`
	Key        string          `json:"key"`
	KeyBase64  string          `json:"key_base64,omitempty"`
	Lease      string          `json:"lease,omitempty"`
	Revision   int64           `json:"revision"`
	Owner      *keyspace.Owner `json:"owner,omitempty"`
	Since      time.Time       `json:"since,omitzero"`
}

func newRequestDoc(r inspect.Request) requestDoc {
	doc := requestDoc{
		Name:       r.Lock.Name,
		NameBase64: base64Of(r.Lock.Name),
		Layout:     string(r.Lock.Layout),
		Mode:       r.Mode.String(),
		State:      r.Standing(),
		Key:        r.Key,
		KeyBase64:  base64Of(r.Key),
		Revision:   r.Revision,
		Since:      r.Since,
	}
	if r.Owned {
		doc.Owner = &r.Owner
	}
	if r.Lease != 0 {
		doc.Lease = format.Lease(r.Lease)
	}
	return doc
}

func newRequestDocs(requests []inspect.Request) []requestDoc {
	docs := make([]requestDoc, 0, len(requests))
	for _, r := range requests {
		docs = append(docs, newRequestDoc(r))
	}
	return docs
}

func standingTone(holds bool) tone {
	if holds {
		return holding
	}
	return waiting
}

// ownerText is an owner in a cell.
func ownerText(o *keyspace.Owner) string {
	if o == nil {
		return "-"
	}
	return format.Dash(format.Owner(*o))
}
