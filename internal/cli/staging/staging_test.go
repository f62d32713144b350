package staging

import (
	"context"
	"slices"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
)

func TestMain(m *testing.M) { etcdtest.Main(m) }

// The story shows what can go wrong at once, beside locks of many kinds; each can be healed
// by ending one session or key, and then stays healed. Nothing of it is left but what died.
func TestPlay(t *testing.T) {
	t.Parallel()
	client := etcdtest.Client(t, etcdtest.Start(t))
	source := inspect.NewSource(client)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); Play(ctx, client, 1) }()
	defer func() { stop(); <-done }()

	found := until(t, source, "all that is wrong, and thirty locks", func(d diagnose.Diagnosis) bool {
		layouts := map[string]bool{}
		for _, l := range d.Snapshot.Locks {
			layouts[l.ID.Layout.String()] = true
		}
		return at(d, diagnose.Deadlock, Orders) && at(d, diagnose.NoLease, Import) && at(d, diagnose.LongWait, Backup) &&
			len(d.Snapshot.Locks) >= 26 && len(layouts) >= 10 && waiting(d, Busy) > seats/2
	})
	for _, f := range found.Findings {
		if len(f.Remedies) == 0 || !slices.Contains([]diagnose.Kind{diagnose.Deadlock, diagnose.NoLease, diagnose.LongWait}, f.Kind) {
			continue
		}
		heal(t, client, f.Remedies[0].Target)
	}
	until(t, source, "healed", func(d diagnose.Diagnosis) bool {
		return !slices.ContainsFunc(d.Findings, func(f diagnose.Finding) bool { return f.Severity >= diagnose.Warning })
	})
	stop()
	<-done
	if s, err := source.Snapshot(t.Context(), ""); err != nil || len(s.Locks) > 0 {
		t.Errorf("left behind: %v, %v", s.Locks, err)
	}
}

func heal(t *testing.T, client *clientv3.Client, target diagnose.Target) {
	t.Helper()
	var err error
	if target.Lease != 0 {
		_, err = client.Revoke(t.Context(), clientv3.LeaseID(target.Lease))
	} else {
		_, err = client.Delete(t.Context(), target.Key)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// at reports whether a diagnosis has a finding of a kind on a lock.
func at(d diagnose.Diagnosis, kind diagnose.Kind, name string) bool {
	return slices.ContainsFunc(d.Findings, func(f diagnose.Finding) bool {
		return f.Kind == kind && slices.ContainsFunc(f.Locks, func(id inspect.LockID) bool { return id.Name == name })
	})
}

func waiting(d diagnose.Diagnosis, name string) (n int) {
	for _, l := range d.Snapshot.Named(name) {
		n += l.Count().Waiters
	}
	return n
}

// until diagnoses the locks until a fact is true.
func until(t *testing.T, source *inspect.Source, what string, holds func(diagnose.Diagnosis) bool) diagnose.Diagnosis {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		s, err := source.Snapshot(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		d := diagnose.Locks(s, nil, diagnose.Thresholds{}, time.Now())
		if holds(d) {
			return d
		}
		if time.Now().After(deadline) {
			for _, l := range s.Locks {
				t.Logf("%s %s: %d", l.ID.Layout, l.ID.Name, len(l.Queue))
			}
			t.Fatalf("never: %s; findings: %+v", what, d.Findings)
		}
	}
}
