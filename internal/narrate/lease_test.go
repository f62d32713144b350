package narrate_test

import (
	"strings"
	"testing"
	"testing/quick"
	"time"

	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/locktest"
	"etcd-lock/internal/narrate"
)

// Whatever etcd says of a lease, the words for it have no negative times, and
// nobody is said to renew it.
func TestWordsForAnyLease(t *testing.T) {
	s := locktest.Snapshot(t, "/a A.w1@12m B.w2?54s")
	check := func(granted, remaining, unrenewed int64, shift, state uint8) bool {
		shift %= 63
		l := inspect.Lease{
			State:   inspect.LeaseState(state % 5),
			Granted: time.Duration(granted >> shift), Remaining: time.Duration(remaining >> shift),
			Unrenewed: max(time.Duration(unrenewed>>shift), 0), Restarted: state > 128,
		}
		d := diagnose.Locks(s, map[int64]inspect.Lease{0xa: l}, diagnose.Thresholds{}, locktest.Epoch)
		holder := &d.Sessions[0]
		all := []string{narrate.Request(holder, *holder.Requests[0], locktest.Epoch)}
		all = append(all, narrate.Outlook(d, d.Snapshot.Locks[0], nil, 4)...)
		for _, f := range d.Findings {
			text := narrate.Present.Finding(f)
			all = append(append(all, text.Headline), text.Clauses...)
			for _, r := range f.Remedies {
				all = append(all, narrate.Remedy(cmdline.Flags{}, r).Headline)
			}
		}
		says := strings.Join(all, "\n")
		for _, wrong := range []string{" -", "renews", "renewing", "%!"} {
			if strings.Contains(says, wrong) {
				t.Logf("%+v:\n%s", l, says)
				return false
			}
		}
		return true
	}
	if err := quick.Check(check, &quick.Config{MaxCount: 100_000}); err != nil {
		t.Error(err)
	}
}

// A holder whose lease nobody renews may be healthy, as those of etcd's lock
// service: it is said when it ends, and advised only if its client is dead.
func TestLeaseThatNobodyRenews(t *testing.T) {
	lease := map[int64]inspect.Lease{0xa: {State: inspect.LeaseAlive, Granted: time.Minute, Remaining: 35 * time.Second}}
	d := diagnose.Locks(locktest.Snapshot(t, "/a a.m1 B.m2"), lease, diagnose.Thresholds{}, locktest.Epoch)
	if len(d.Findings) != 1 {
		t.Fatalf("%d findings", len(d.Findings))
	}
	if got, want := narrate.Present.Finding(d.Findings[0]).Headline, "lease 000000000000000a has not been renewed for 25s and ends in about 35s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := narrate.Remedy(cmdline.Flags{}, d.Findings[0].Remedies[0]).Headline; !strings.HasPrefix(got, "if its client is dead, end the session") {
		t.Errorf("advises %q", got)
	}
}

// The lease of a holder without an owner is its name, and is said once.
func TestLeaseIsNamedOnce(t *testing.T) {
	for state, want := range map[inspect.LeaseState]string{
		inspect.LeaseAlive:   "lease 000000000000000a (write), requested at revision 1 (no time was recorded), 32s of 1m left",
		inspect.LeaseOverdue: "lease 000000000000000a (write), requested at revision 1 (no time was recorded), over for 32s",
		inspect.LeaseMissing: "lease 000000000000000a (write), requested at revision 1 (no time was recorded), a lease that etcd does not have",
	} {
		l := inspect.Lease{State: state, Granted: time.Minute, Remaining: 32 * time.Second}
		if state == inspect.LeaseOverdue {
			l.Remaining = -l.Remaining
		}
		d := diagnose.Locks(locktest.Snapshot(t, "/a a.m1"), map[int64]inspect.Lease{0xa: l}, diagnose.Thresholds{}, locktest.Epoch)
		if got := narrate.Request(&d.Sessions[0], *d.Sessions[0].Requests[0], locktest.Epoch); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A remedy that etcd refuses is not advised without a word about that.
func TestRemedyUnderCorrupt(t *testing.T) {
	lease := map[int64]inspect.Lease{0xa: {State: inspect.LeaseOverdue, Granted: time.Minute, Remaining: -time.Minute}}
	d := diagnose.Locks(locktest.Snapshot(t, "/a A.w1 B.w2"), lease, diagnose.Thresholds{}, locktest.Epoch)
	d = d.With(diagnose.Cluster(inspect.Cluster{Alarms: []inspect.Alarm{inspect.AlarmCorrupt}}))
	f := d.Findings[1]
	if got := narrate.Remedy(cmdline.Flags{}, f.Remedies[0]).Clauses; f.Kind != diagnose.LeaseOverdue || len(got) != 1 || got[0] != "etcd refuses this while it has the alarm CORRUPT" {
		t.Errorf("%s: %q", f.Kind, got)
	}
}
