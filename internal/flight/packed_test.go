package flight

import (
	"testing"

	"github.com/google/uuid"
)

// TestPacked holds that UUIDs are unpacked as they were packed, and no more than there are.
func TestPacked(t *testing.T) {
	for n := range 9 { // they begin at different bits of a byte
		var p packer
		var all []uuid.UUID
		for range n {
			all = append(all, uuid.New())
			p.put(all[len(all)-1])
		}
		u, err := newUnpacker(p.text())
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range all {
			if got, err := u.next(); got != want || err != nil {
				t.Errorf("%d of %d: %v, want %v: %v", i, n, got, want, err)
			}
		}
		if id, err := u.next(); err == nil {
			t.Errorf("there is %v after %d", id, n)
		}
	}
	for _, other := range []string{"a3bb189e-8bf9-1888-9912-ace4e6543002", "A3BB189E-8BF9-4888-9912-ACE4E6543002", "a3bb189e-8bf9-4888-c912-ace4e6543002", "a3bb189e8bf948889912ace4e6543002"} {
		if id, ok := parseUUID(other); ok {
			t.Errorf("%q is packed as %v", other, id)
		}
	}
}
