// Package keyspace encodes the requests of package rwlock as etcd keys, and parses such
// keys. It has no I/O. Package layout knows the keys of other software too.
package keyspace

import (
	"strconv"
	"strings"
)

// Mode is how a lock is requested: for reading or for writing, or as slots of a semaphore.
type Mode uint8

// The modes. Readers share a lock, a writer is alone, and a semaphore has room for some
// requests. The zero Mode is none of them.
const (
	Read Mode = iota + 1
	Write
	Slot
)

// String returns "read", "write" or "slot", the words used in keys, tables and JSON.
func (m Mode) String() string {
	switch m {
	case Read:
		return "read"
	case Write:
		return "write"
	case Slot:
		return "slot"
	default:
		return "mode(" + strconv.Itoa(int(m)) + ")"
	}
}

// MarshalText returns the mode's word.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// Key is a parsed key of a lock request.
type Key struct {
	Name string
	Mode Mode
	ID   string
}

// Dir returns the prefix of all requests for the lock name in mode. Keys of locks
// nested below name may share it; ParseRWLock distinguishes them.
func Dir(name string, mode Mode) string { return name + "/" + mode.String() + "/" }

// Encode returns the key of one request.
func Encode(name string, mode Mode, id string) string { return Dir(name, mode) + id }

// ParseRWLock parses a key of the layout that Encode writes, and reports whether it is one. It
// parses from the end, because a name may itself contain "/read/": only a direct
// child of <name>/read/ or <name>/write/ is a request for name.
func ParseRWLock(key string) (Key, bool) {
	k, ok := parse(key)
	if !ok || k.Mode == Slot {
		return Key{}, false
	}
	return k, true
}

// ParseSlot parses a key of a request for a semaphore, which is a direct child of
// <name>/slot/, and reports whether it is one, if its value is that of such a request: see
// Owner.IsSlots.
func ParseSlot(key string) (Key, bool) {
	k, ok := parse(key)
	if !ok || k.Mode != Slot {
		return Key{}, false
	}
	return k, true
}

func parse(key string) (Key, bool) {
	rest, id, ok := cutLast(key)
	if !ok || id == "" {
		return Key{}, false
	}
	name, word, ok := cutLast(rest)
	if !ok || name == "" {
		return Key{}, false
	}
	for mode := Read; mode <= Slot; mode++ {
		if word == mode.String() {
			return Key{Name: name, Mode: mode, ID: id}, true
		}
	}
	return Key{}, false
}

// NamesLease reports whether a key's last segment is its own lease in hex, as in the keys
// of etcd's mutexes.
func NamesLease(key string, lease int64) bool {
	_, id, ok := cutLast(key)
	return ok && lease != 0 && id == strconv.FormatInt(lease, 16)
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
