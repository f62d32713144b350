package rwlock

import "etcd-lock/internal/keyspace"

// Mode is how a lock is requested: for reading or for writing.
type Mode uint8

// The modes. Readers share a lock, a writer is alone. The zero Mode is neither.
const (
	Read Mode = iota + 1
	Write
)

// String returns "read" or "write", the words used in keys.
func (m Mode) String() string { return m.inKeys().String() }

// MarshalText returns the mode's word.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// inKeys converts m to the mode that keys are made of, which has the same values.
func (m Mode) inKeys() keyspace.Mode { return keyspace.Mode(m) }
