package keyspace

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
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

// UnderEnv names the environment variable in which a program that was started
// under a lock finds the lock's key, or several keys, a line each. etcdctl lock
// sets it too.
const UnderEnv = "ETCD_LOCK_KEY"

// maxUnder bounds what of the environment goes into every request.
const maxUnder = 1 << 10

// Under is the key that a value of UnderEnv names first. It is empty for what
// JSON cannot say as it is, or is too long to be written with each request:
// half a key would be another's.
func Under(env string) string {
	key, _, _ := strings.Cut(env, "\n")
	if len(key) > maxUnder || !utf8.ValidString(key) {
		return ""
	}
	return key
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
