package keyspace

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

// Owner describes the client of a request. It is the value of the request's key,
// written once, for people who inspect locks. The protocol reads no more than Keep of it:
// how long a try is worth waiting.
type Owner struct {
	Host    string    `json:"host,omitempty"`
	PID     int       `json:"pid,omitempty"`
	Program string    `json:"program,omitempty"`
	Label   string    `json:"label,omitempty"`
	Under   string    `json:"under,omitempty"` // the key of the lock that the client's process runs under
	Keep    bool      `json:"keep,omitempty"`  // the client may keep the lock after it was unlocked, until another request waits
	Time    time.Time `json:"time,omitzero"`   // when the request was made, by its client's clock
}

// UnderEnv is the environment variable with the key of the lock that a program was
// started under, or several keys, one per line. etcdctl lock sets it too.
const UnderEnv = "ETCD_LOCK_KEY"

// maxUnder is the longest value of UnderEnv, in bytes, that is stored with requests.
const maxUnder = 1 << 10

// Under returns the first key in a value of UnderEnv. It returns "" for a key that
// JSON cannot represent exactly or that is too long to be stored with each request:
// a truncated key would be the key of another lock.
func Under(env string) string {
	key, _, _ := strings.Cut(env, "\n")
	if len(key) > maxUnder || !utf8.ValidString(key) {
		return ""
	}
	return key
}

// Encode returns the owner as compact JSON.
func (o Owner) Encode() string {
	b, err := json.Marshal(o)
	if err != nil { // a year beyond 9999 is all that JSON cannot say of an Owner
		return ""
	}
	return string(b)
}

// DecodeOwner parses the value of a request. It reports false for a value that is
// not an owner, such as the empty one of older clients.
func DecodeOwner(value []byte) (Owner, bool) {
	var o Owner
	if len(value) == 0 || json.Unmarshal(value, &o) != nil || o == (Owner{}) {
		return Owner{}, false
	}
	return o, true
}
