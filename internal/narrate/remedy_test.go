package narrate_test

import (
	"testing"

	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/locktest"
	"etcd-lock/internal/narrate"
)

// TestLookFirst wants what is known of a leader of Patroni whose lease etcd does not have, and
// no promise that a command releases its lock.
func TestLookFirst(t *testing.T) {
	t.Parallel()
	id := inspect.LockID{Layout: layout.Builtin().Rule("patroni"), Name: "/service/demo/leader"}
	r := inspect.Request{Key: id.Name, Lock: id, Mode: keyspace.Write, Lease: 10, Revision: 1, Modified: 1}
	s := inspect.Snapshot{Locks: inspect.NewLocks(map[inspect.LockID][]inspect.Request{id: {r}})}
	d := diagnose.Locks(s, map[int64]inspect.Lease{10: {State: inspect.LeaseMissing}}, diagnose.Thresholds{}, locktest.Epoch)
	if len(d.Findings) != 1 || len(d.Findings[0].Remedies) != 1 {
		t.Fatalf("%+v", d.Findings)
	}
	remedy := d.Findings[0].Remedies[0]
	text := narrate.Remedy(cmdline.Flags{}, remedy)
	if want := "look first: its own software says who holds /service/demo/leader (patroni)"; text.Headline != want {
		t.Errorf("%q, want %q", text.Headline, want)
	}
	if len(text.Clauses) != 3 {
		t.Errorf("%q", text.Clauses)
	}
	if got, want := narrate.CommandLine(cmdline.Flags{}, remedy), "patronictl list demo"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
