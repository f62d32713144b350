// Package keyspace is the only place that knows how locks are written as etcd
// keys. It has no I/O: it turns names into keys and keys into what they mean.
package keyspace

import (
	"strconv"
	"strings"
)

// Mode is how a request wants its lock.
type Mode uint8

// Read shares a lock with other readers, Write excludes everybody.
const (
	Read Mode = iota + 1
	Write
)

// String is "read" or "write", the words used in keys, tables and JSON.
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

// MarshalText writes the mode as its word.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// Layout says who wrote a key.
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

// Key is what the key of a lock request says.
type Key struct {
	Layout Layout
	Name   string
	Mode   Mode
	ID     string
}

// Dir is the prefix of all requests for name in mode. Keys of locks nested
// below name may share it; Parse tells them apart.
func Dir(name string, mode Mode) string { return name + "/" + mode.String() + "/" }

// Encode is the key of one request in layout RWLock.
func Encode(name string, mode Mode, id string) string { return Dir(name, mode) + id }

// ParseRWLock reads a key of layout RWLock. It parses from the end, because a
// name may itself hold "/read/": only a direct child of <name>/read/ or
// <name>/write/ is a request for name.
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

// Parse reads a key of any known layout. A key whose last segment is its own
// lease in hex is a mutex: that is evidence, where the segments read and write
// are only names, so it goes first. Anything else is not a lock of ours to
// guess at.
func Parse(key string, lease int64) (Key, bool) {
	if name, id, ok := cutLast(key); ok && lease != 0 && id == strconv.FormatInt(lease, 16) {
		return Key{Layout: Mutex, Name: name, Mode: Write, ID: id}, true
	}
	return ParseRWLock(key)
}

// Candidate reports whether Parse reads key with some lease. It is for keys
// that were read without theirs, as etcd reads them since 3.7 when it is asked
// for keys only.
func Candidate(key string) bool {
	_, id, _ := cutLast(key)
	lease, _ := strconv.ParseInt(id, 16, 64)
	_, ok := Parse(key, lease)
	return ok
}

// cutLast cuts s around its last slash.
func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}
