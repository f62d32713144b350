package keyspace

import (
	"encoding/json"
	"time"
)

// Owner is what the value of a request says of its client. It is written once,
// with the key, and is a hint for people: nothing in the protocol reads it.
type Owner struct {
	Host    string    `json:"host,omitempty"`
	PID     int       `json:"pid,omitempty"`
	Program string    `json:"program,omitempty"`
	Label   string    `json:"label,omitempty"`
	Under   string    `json:"under,omitempty"` // the key of the lock that the client's process runs under
	Time    time.Time `json:"time,omitzero"`   // when the request was made, by its client's clock
}

// Encode is the owner as compact JSON.
func (o Owner) Encode() string {
	b, err := json.Marshal(o)
	if err != nil { // a year beyond 9999 is all that JSON cannot say of an Owner
		return ""
	}
	return string(b)
}

// DecodeOwner reads the value of a request. It reports false for a value that
// is not an owner, such as the empty one of the older clients.
func DecodeOwner(value []byte) (Owner, bool) {
	var o Owner
	if len(value) == 0 || json.Unmarshal(value, &o) != nil || o == (Owner{}) {
		return Owner{}, false
	}
	return o, true
}
