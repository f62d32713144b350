package screens

import (
	"testing"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/tui/state"
)

// A record that names nobody waits for nothing, and one that cannot be read may be held or not.
func TestRecordsThatNobodyIsKnownToHold(t *testing.T) {
	c := newTestContext()
	id := inspect.LockID{Layout: layout.Builtin().Rule("kubernetes-lease"), Name: "/registry/leases/ops/x"}
	for _, tt := range []struct {
		name, sign, holders string
		of                  inspect.Request
	}{
		{"Vacant", "· vacant", "0", inspect.Request{Term: &layout.Term{}}},
		{"Encrypted", "? unknown", "?", inspect.Request{Encrypted: true, Holding: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.of
			r.Key, r.Lock, r.Mode, r.Revision, r.Seen = id.Name, id, keyspace.Write, 7, testNow
			s := &lockScreen{Context: c}
			if got := s.state(queueRow{Request: r}, 10).Text; got != tt.sign {
				t.Errorf("state %q, want %q", got, tt.sign)
			}
			if got := holdersText(inspect.Lock{ID: id, Queue: []inspect.Request{r}}); got != tt.holders {
				t.Errorf("%s holding, want %s", got, tt.holders)
			}
			if got := lasted(r, testNow); got != "" {
				t.Errorf("lasted %q", got)
			}
			if got := newTimeline([]state.Span{{Request: r, Seen: testNow}}, testNow, testNow); len(got.all) != 0 {
				t.Errorf("%d lanes", len(got.all))
			}
		})
	}
}
