// Package keyspace is the only place that knows how locks are stored as etcd keys.
// It has no I/O: it encodes lock names as keys and parses keys.
package keyspace

import (
	"strconv"
	"strings"
)

// Mode is how a lock is requested: for reading or for writing.
type Mode uint8

// The modes. Readers share a lock, a writer is alone. The zero Mode is neither.
const (
	Read Mode = iota + 1
	Write
)

// String returns "read" or "write", the words used in keys, tables and JSON.
func (m Mode) String() string {
	switch m {
	case Read:
		return "read"
	case Write:
		return "write"
	default:
		return "mode(" + strconv.Itoa(int(m)) + ")"
	}
}

// MarshalText returns the mode's word.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// Layout is a way in which locks are stored as keys.
type Layout string

// The layouts of locks in etcd.
const (
	// RWLock is <name>/read/<id> and <name>/write/<id>: package rwlock, etcd's
	// RWMutex recipe and the older etcd-lock library.
	RWLock Layout = "rwlock"
	// Mutex is <name>/<lease in hex>: etcd's concurrency.Mutex and Election,
	// etcdctl lock and elect, the v3lock service.
	Mutex Layout = "mutex"
)

// Key is a parsed key of a lock request.
type Key struct {
	Layout Layout
	Name   string
	Mode   Mode
	ID     string
}

// Dir returns the prefix of all requests for the lock name in mode. Keys of locks
// nested below name may share it; Parse distinguishes them.
func Dir(name string, mode Mode) string { return name + "/" + mode.String() + "/" }

// Encode returns the key of one request in layout RWLock.
func Encode(name string, mode Mode, id string) string { return Dir(name, mode) + id }

// ParseRWLock parses a key of layout RWLock, and reports whether it is one. It
// parses from the end, because a name may itself contain "/read/": only a direct
// child of <name>/read/ or <name>/write/ is a request for name.
func ParseRWLock(key string) (Key, bool) {
	rest, id, ok := cutLast(key)
	if !ok || id == "" {
		return Key{}, false
	}
	name, word, ok := cutLast(rest)
	if !ok || name == "" {
		return Key{}, false
	}
	var mode Mode
	switch word {
	case "read":
		mode = Read
	case "write":
		mode = Write
	default:
		return Key{}, false
	}
	return Key{Layout: RWLock, Name: name, Mode: mode, ID: id}, true
}

// Parse parses a key of any known layout, given its lease, and reports whether it
// is one. A key whose last segment is its own lease in hex is a mutex: that is
// evidence, whereas the segments read and write are only names, so it is checked
// first.
func Parse(key string, lease int64) (Key, bool) {
	if name, id, ok := cutLast(key); ok && lease != 0 && id == strconv.FormatInt(lease, 16) {
		return Key{Layout: Mutex, Name: name, Mode: Write, ID: id}, true
	}
	return ParseRWLock(key)
}

// Locks returns the names of locks that key can be a request for.
func Locks(key string) []string {
	var names []string
	if k, ok := ParseRWLock(key); ok {
		names = append(names, k.Name)
	}
	if name, _, ok := cutLast(key); ok {
		names = append(names, name)
	}
	return names
}

// Candidate reports whether Parse accepts key with some lease. It is for keys that
// were read without their leases, which etcd leaves out since 3.7 when it is asked
// for keys only.
func Candidate(key string) bool {
	_, id, _ := cutLast(key)
	lease, _ := strconv.ParseInt(id, 16, 64)
	_, ok := Parse(key, lease)
	return ok
}

// IsLeaseID reports whether the last segment of a key is a lease in hex, as in keys of
// mutexes. Leases that etcd chose have at least 15 digits; shorter ones are names.
func IsLeaseID(segment string) bool {
	lease, err := strconv.ParseInt(segment, 16, 64)
	return err == nil && len(segment) >= 15 && strconv.FormatInt(lease, 16) == segment
}

// cutLast cuts s around its last slash.
func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}
