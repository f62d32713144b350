package narrate_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/locktest"
	"etcd-lock/internal/narrate"
	"etcd-lock/internal/printable"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestOutlook pins the words for what keeps a lock's last waiter waiting, for its
// requests, and for what becomes of it.
func TestOutlook(t *testing.T) {
	var b strings.Builder
	for _, tt := range locktest.Incidents {
		d := diagnose.Locks(locktest.Snapshot(t, tt.Locks), tt.Leases, diagnose.Thresholds{}, locktest.Epoch)
		fmt.Fprintf(&b, "%s\n", tt.Name)
		for _, l := range d.Snapshot.Locks {
			about := d.About(l.ID.Name)
			fmt.Fprintf(&b, "  %s\n", l.ID.Name)
			for _, r := range l.Queue {
				s, _ := d.Session(r.Session())
				fmt.Fprintf(&b, "    %s %s\n", r.Standing(), narrate.Request(s, r, locktest.Epoch))
			}
			for _, chain := range about.Chains {
				for _, e := range chain {
					fmt.Fprintf(&b, "    why: %s\n", narrate.Present.Edge(e))
				}
			}
			for _, says := range narrate.Outlook(d, l, about.Findings, 4) {
				fmt.Fprintf(&b, "    by itself: %s\n", says)
			}
		}
	}
	golden(t, "outlook", b.String())
}

// TestFindings pins all words for findings and remedies.
func TestFindings(t *testing.T) {
	var b strings.Builder
	for _, tt := range locktest.Incidents {
		d := diagnose.Locks(locktest.Snapshot(t, tt.Locks), tt.Leases, diagnose.Thresholds{}, locktest.Epoch)
		fmt.Fprintf(&b, "%s\n", tt.Name)
		for _, f := range d.Findings {
			write(&b, "  "+f.Severity.String()+" ", narrate.Present.Finding(f))
			for _, r := range f.Remedies {
				fmt.Fprintf(&b, "      etcd-lock %s\n      etcdctl %s\n",
					printable.Shell(narrate.Command(r.Target)...), printable.Shell(narrate.Etcdctl(r.Target)...))
				write(&b, "        ", narrate.Remedy(cmdline.Flags{}, r))
			}
		}
	}
	golden(t, "findings", b.String())
}

// golden compares a text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-update writes it anew; differs (-want +got):\n%s", diff)
	}
}

func write(b *strings.Builder, head string, t narrate.Text) {
	fmt.Fprintf(b, "%s%s\n", head, t.Headline)
	for _, clause := range t.Clauses {
		fmt.Fprintf(b, "%s· %s\n", strings.Repeat(" ", len(head)), clause)
	}
}

// A remedy that ends a session says which other keys that deletes.
func TestRemedyWithOthers(t *testing.T) {
	for _, tt := range locktest.Incidents {
		d := diagnose.Locks(locktest.Snapshot(t, tt.Locks), tt.Leases, diagnose.Thresholds{}, locktest.Epoch)
		for _, f := range d.Findings {
			for _, r := range f.Remedies {
				if r.Target.Lease == 0 {
					continue
				}
				keys := []string{"/config", r.Releases[0].Key, "/x"}
				got := narrate.Remedy(cmdline.Flags{}, r.WithOthers(d.OtherKeys(map[int64][]string{r.Target.Lease: keys})))
				if len(got.Clauses) == 0 || got.Clauses[0] != "this also deletes 2 other keys of the session: /config and /x" {
					t.Fatalf("%s: %q", tt.Name, got)
				}
				if diff := cmp.Diff(narrate.Remedy(cmdline.Flags{}, r), narrate.Remedy(cmdline.Flags{}, r.WithOthers(d.OtherKeys(map[int64][]string{r.Target.Lease: keys[1:2]})))); diff != "" {
					t.Fatalf("%s: without other keys: %s", tt.Name, diff)
				}
			}
		}
	}
}

// TestPast pins the words for an earlier revision, which has no leases and no time.
func TestPast(t *testing.T) {
	var b strings.Builder
	for _, tt := range locktest.Incidents {
		d := diagnose.Locks(locktest.Snapshot(t, tt.Locks), nil, diagnose.Thresholds{}, time.Time{})
		fmt.Fprintf(&b, "%s\n", tt.Name)
		for _, l := range d.Snapshot.Locks {
			for _, chain := range d.About(l.ID.Name).Chains {
				for _, e := range chain {
					fmt.Fprintf(&b, "  why: %s\n", narrate.Past.Edge(e))
				}
			}
		}
		for _, f := range d.Findings {
			write(&b, "  "+f.Severity.String()+" ", narrate.Past.Finding(f))
		}
	}
	golden(t, "past", b.String())
}
