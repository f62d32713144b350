package keyspace

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Owner describes the client of a request. It is the value of the request's key,
// written once, for people who inspect locks. The protocol reads no more of it than Keep,
// how long a try is worth waiting, and of a request for a semaphore Weight and Permits.
type Owner struct {
	Host    string    `json:"host,omitempty"`
	PID     int       `json:"pid,omitempty"`
	Program string    `json:"program,omitempty"`
	Label   string    `json:"label,omitempty"`
	Under   string    `json:"under,omitempty"`       // the key of the lock that the client's process runs under
	Trace   string    `json:"traceparent,omitempty"` // of the request, as W3C Trace Context writes it
	Keep    bool      `json:"keep,omitempty"`        // the client may keep the lock after it was unlocked, until another request waits
	Upgrade bool      `json:"upgrade,omitempty"`     // the session held the lock for reading, and nobody else did or waited to write: it does not wait for its reader
	Weight  int       `json:"weight,omitempty"`      // of a semaphore: the permits that the request takes
	Permits int       `json:"permits,omitempty"`     // of a semaphore: how many there are, as the client was told
	Time    time.Time `json:"time,omitzero"`         // when the request was made, by its client's clock
}

// MaxPermits is the most permits that a semaphore can have.
const MaxPermits = 1_000_000_000

// IsSlots reports whether the owner is that of a request for a semaphore: it takes at least one
// of the permits, and no more than there are.
func (o Owner) IsSlots() bool {
	return 1 <= o.Weight && o.Weight <= o.Permits && o.Permits <= MaxPermits
}

// IsTraceparent reports whether a text is a traceparent of version 00.
func IsTraceparent(text string) bool {
	if len(text) != 55 || !strings.HasPrefix(text, "00-") || text[35] != '-' || text[52] != '-' {
		return false
	}
	for _, field := range []string{text[3:35], text[36:52], text[53:]} {
		if strings.Trim(field, "0123456789abcdef") != "" {
			return false
		}
	}
	return strings.Trim(text[3:35], "0") != "" && strings.Trim(text[36:52], "0") != ""
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
	if !o.decodePlain(value) {
		o = Owner{}
		if len(value) == 0 || json.Unmarshal(value, &o) != nil {
			return Owner{}, false
		}
	}
	return o, o != Owner{}
}

// decodePlain decodes a value as Encode writes it, if nothing in it is escaped: a watch
// decodes thousands of them a second, and encoding/json takes five times as long. It
// reports false for all others.
func (o *Owner) decodePlain(value []byte) bool {
	beforeTime := value[:max(bytes.LastIndex(value, []byte(`,"time":"`)), 0)]
	if known, ok := decoded.get(beforeTime); ok {
		*o = known
		return o.decodeTime(plain{rest: value[len(beforeTime):], before: ','})
	}
	p := plain{rest: value, before: '{'}
	o.Host, o.PID = p.text(`"host":"`), p.number(`"pid":`)
	o.Program, o.Label, o.Under = p.text(`"program":"`), p.text(`"label":"`), p.text(`"under":"`)
	o.Trace = p.text(`"traceparent":"`)
	o.Weight, o.Permits = p.number(`"weight":`), p.number(`"permits":`)
	client := *o
	if !o.decodeTime(p) {
		return false
	}
	if o.Trace == "" { // which no two requests share
		decoded.put(beforeTime, client)
	}
	return true
}

// decodeTime decodes the last field, and reports whether nothing else is left.
func (o *Owner) decodeTime(p plain) bool {
	if made := p.text(`"time":"`); made != "" && o.Time.UnmarshalText([]byte(made)) != nil {
		return false
	}
	return string(p.rest) == "}" && p.before == ','
}

// decoded has owners that were decoded, without their times, by what stands before the time: a
// client writes the same into all of its requests, of which there can be very many.
var decoded owners

type owners struct {
	sync.Mutex
	byText map[string]Owner
}

// How many owners are known, after which all are forgotten, and how long their texts are at most.
const maxOwners, maxOwnerText = 4096, 512

func (k *owners) get(text []byte) (o Owner, ok bool) {
	k.Lock()
	defer k.Unlock()
	o, ok = k.byText[string(text)]
	return o, ok
}

func (k *owners) put(text []byte, o Owner) {
	if len(text) == 0 || len(text) > maxOwnerText {
		return
	}
	k.Lock()
	defer k.Unlock()
	if k.byText == nil || len(k.byText) == maxOwners {
		k.byText = map[string]Owner{}
	}
	k.byText[string(text)] = o
}

// plain takes fields from an object in JSON, in their order, that has no spaces and no
// escapes. What it cannot take is left.
type plain struct {
	rest   []byte
	before byte // what has to be before the next field
}

// cut returns what follows the head of a field, if that is the next one.
func (p *plain) cut(head string) (value []byte, ok bool) {
	if len(p.rest) == 0 || p.rest[0] != p.before {
		return nil, false
	}
	return bytes.CutPrefix(p.rest[1:], []byte(head))
}

// text takes a text that is not empty, if it is the next field.
func (p *plain) text(head string) string {
	value, ok := p.cut(head)
	if !ok {
		return ""
	}
	n := slices.IndexFunc(value, func(b byte) bool { return b < ' ' || b > '~' || b == '"' || b == '\\' })
	if n < 1 || value[n] != '"' {
		return ""
	}
	p.rest, p.before = value[n+1:], ','
	return string(value[:n])
}

// number takes a number of few digits, if it is the next field.
func (p *plain) number(head string) int {
	value, ok := p.cut(head)
	n := slices.IndexFunc(value, func(b byte) bool { return b < '0' || b > '9' })
	if !ok || n < 1 || n > 9 || value[0] == '0' {
		return 0
	}
	p.rest, p.before = value[n:], ','
	number, _ := strconv.Atoi(string(value[:n]))
	return number
}
