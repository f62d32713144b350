package inspect

import (
	"testing"
	"time"

	"etcd-lock/internal/keyspace"
)

func TestWho(t *testing.T) {
	for want, s := range map[string]Session{
		"l p[7]@h":               {Requests: Pointers([]Request{{}, {Owned: true, Owner: keyspace.Owner{Host: "h", PID: 7, Program: "p", Label: "l"}.Ref()}})},
		"@h":                     {Requests: Pointers([]Request{{Owned: true, Owner: keyspace.Owner{Host: "h"}.Ref()}})},
		"pid[7]":                 {Requests: Pointers([]Request{{Owned: true, Owner: keyspace.Owner{PID: 7}.Ref()}})},
		"lease 000000000000001f": {ID: SessionID{Lease: 31}, Requests: Pointers([]Request{{Owned: true, Owner: keyspace.Owner{Under: "k"}.Ref()}})},
		"key /a/read/1":          {ID: SessionID{Key: "/a/read/1"}},
	} {
		if got := s.Who(); got != want {
			t.Errorf("Who() = %q, want %q", got, want)
		}
	}
}

func TestMissedRenewals(t *testing.T) {
	for _, tt := range []struct {
		state              LeaseState
		granted, remaining time.Duration
		want               bool
	}{
		{LeaseUnknown, 0, 0, false},
		{LeaseGone, 0, 0, false},
		{LeaseAlive, 60 * time.Second, 38 * time.Second, false}, // up to 39 s may be left, and a client looks each half second
		{LeaseAlive, 60 * time.Second, 37 * time.Second, true},
		{LeaseAlive, 2 * time.Second, time.Second, false},
		{LeaseAlive, 2 * time.Second, 0, false}, // a second may be left
	} {
		s := Session{Lease: Lease{State: tt.state, Granted: tt.granted, Remaining: tt.remaining}}
		if got := s.MissedRenewals(); got != tt.want {
			t.Errorf("%+v: MissedRenewals = %v", s.Lease, got)
		}
	}
}

// TestSharedLease wants each request of a lease that several clients share to be its own
// owner's, and the session to be nobody's.
func TestSharedLease(t *testing.T) {
	of := func(o keyspace.Owner) Request { return Request{Owned: true, Owner: o.Ref()} }
	a, b, unnamed := of(keyspace.Owner{Label: "a"}), of(keyspace.Owner{Label: "b"}), Request{}
	shared := Session{ID: SessionID{Lease: 31}, Requests: Pointers([]Request{a, unnamed, b})}
	for _, tt := range []struct{ got, want string }{
		{shared.Who(), "lease 000000000000001f"},
		{shared.WhoOf(b), "b"},
		{shared.WhoOf(unnamed), "lease 000000000000001f"},
		{Session{Requests: Pointers([]Request{a, a, unnamed})}.WhoOf(unnamed), "a"},
		{Session{Requests: Pointers([]Request{of(keyspace.Owner{Host: "h", Label: "x"}), of(keyspace.Owner{Host: "h", Label: "y"})})}.Who(), "x @h"},
	} {
		if tt.got != tt.want {
			t.Errorf("named %q, want %q", tt.got, tt.want)
		}
	}
}
