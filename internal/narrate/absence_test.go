package narrate_test

import (
	"testing"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/narrate"
)

// The keys that begin with a name are counted as what they are: requests for other locks,
// or other keys.
func TestAbsence(t *testing.T) {
	key := inspect.Request{Key: "/a1"}
	for _, tt := range []struct {
		absence inspect.Absence
		want    string
	}{
		{inspect.Absence{}, "/a is free"},
		{inspect.Absence{Count: 1}, "1 key of another lock begins with it"},
		{inspect.Absence{Count: 1, Others: 1, Keys: []inspect.Request{key}}, "1 other key begins with it: /a1 (no lease)"},
		{inspect.Absence{Count: 3, Others: 1, Keys: []inspect.Request{key}}, "3 keys begin with it, 1 of which is no lock request: /a1 (no lease)"},
		{inspect.Absence{Count: 3, Others: 2, Cut: 1, Keys: []inspect.Request{key, {Key: "/v/write/1", Cut: true}}}, "3 keys begin with it, 2 of which are no lock requests, or for a lock of which only a part was read: /a1 (no lease), /v/write/1 (a request for /v, of which only a part was read)"},
		{inspect.Absence{Count: 9, Others: 6, Keys: []inspect.Request{key}}, "9 keys begin with it, 6 of which are no lock requests: /a1 (no lease), 5 more"},
	} {
		want := tt.want
		if tt.absence.Count > 0 {
			want = "no request that etcd-lock knows for /a; " + want
		}
		if got, _ := narrate.Absence("/a", tt.absence); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
