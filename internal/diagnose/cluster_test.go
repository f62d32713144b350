package diagnose

import (
	"slices"
	"testing"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/locktest"
)

// TestCluster: what is wrong with etcd itself, and where it is among other findings: an
// alarm before everything, an old server and a proxy behind what is as bad.
func TestCluster(t *testing.T) {
	findings := Cluster(inspect.Cluster{
		Alarms: []inspect.Alarm{inspect.AlarmCorrupt, inspect.AlarmNoSpace},
		Servers: []inspect.Server{
			{ID: 1, Name: "a", Version: "3.6.4"}, {ID: 2, Version: "3.5.7"}, {ID: 3, Name: "c", Version: "3.6.4"}, {ID: 4, Version: "3.7.3"},
		},
		Proxied: true,
	})
	kinds := func(findings []Finding) (kinds []Kind) {
		for _, f := range findings {
			kinds = append(kinds, f.Kind)
		}
		return kinds
	}
	if got, want := kinds(findings), []Kind{Corrupt, NoSpace, OldServer, OldServer, Proxy}; !slices.Equal(got, want) {
		t.Errorf("findings = %q, want %q", got, want)
	}
	if s := findings[2].Servers; len(s) != 2 || s[0].Name != "a" || s[1].Name != "c" || len(findings[2].Faults) != 3 {
		t.Errorf("3.6.4: %+v", findings[2])
	}
	if got := Cluster(inspect.Cluster{Servers: []inspect.Server{{ID: 4, Version: "3.7.3"}}}); got != nil {
		t.Errorf("nothing is wrong, and yet: %+v", got)
	}
	locks := []Finding{
		{Kind: LongWait, Severity: Warning, Behind: 3, Locks: []inspect.LockID{{Name: "/a", Layout: layout.RWLock}}},
		{Kind: Deadlock, Severity: Critical, Behind: 9, Locks: []inspect.LockID{{Name: "/a", Layout: layout.RWLock}}},
	}
	got := Diagnosis{Findings: locks}.With(findings)
	if want := []Kind{Corrupt, NoSpace, Deadlock, LongWait, OldServer, OldServer, Proxy}; !slices.Equal(kinds(got.Findings), want) {
		t.Errorf("together: %q, want %q", kinds(got.Findings), want)
	}
	if d := (Diagnosis{Findings: locks}).With(findings[1:]); d.possible([]Remedy{{}})[0].Refused {
		t.Error("a release is refused without the alarm CORRUPT")
	}
	if about := Locks(inspect.Snapshot{}, nil, Thresholds{}, time.Time{}).With(findings).About("/b"); !slices.Equal(kinds(about.Findings), kinds(findings)) {
		t.Errorf("about a lock: %q", kinds(about.Findings))
	}
}

// Under the alarm CORRUPT etcd refuses every remedy, of a finding and of those that end
// a hold by force. A diagnosis that others share stays as it is.
func TestRemediesUnderCorrupt(t *testing.T) {
	overdue := map[int64]inspect.Lease{0xa: {State: inspect.LeaseOverdue, Granted: time.Minute, Remaining: -time.Minute}}
	d := Locks(locktest.Snapshot(t, "/a A.w1 B.w2"), overdue, Thresholds{}, locktest.Epoch)
	corrupt := d.With([]Finding{{Kind: Corrupt, Severity: Critical}})
	remedies := func(d Diagnosis) (all []Remedy) {
		for _, f := range d.Findings {
			all = append(all, f.Remedies...)
		}
		return append(all, d.About("/a").Remedies...)
	}
	if all := remedies(corrupt); len(all) < 2 || slices.ContainsFunc(all, func(r Remedy) bool { return !r.Refused }) {
		t.Errorf("with the alarm: %+v", all)
	}
	if slices.ContainsFunc(remedies(d), func(r Remedy) bool { return r.Refused }) {
		t.Error("remedies of the diagnosis before are refused too")
	}
}
