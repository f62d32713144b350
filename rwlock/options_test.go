package rwlock

import (
	"testing"

	"etcd-lock/internal/keyspace"
)

// The modes convert to those that keys are made of.
func TestModesAreThoseOfKeys(t *testing.T) {
	for mode, want := range map[Mode]keyspace.Mode{Read: keyspace.Read, Write: keyspace.Write} {
		if mode.inKeys() != want || mode.String() != want.String() {
			t.Errorf("%s is %s in keys, want %s", mode, mode.inKeys(), want)
		}
	}
}
