package narrate_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/locktest"
	"etcd-lock/internal/narrate"
	"etcd-lock/internal/printable"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestFindings pins all words for findings and remedies, in testdata.
func TestFindings(t *testing.T) {
	var b strings.Builder
	for _, tt := range locktest.Incidents {
		d := diagnose.Locks(locktest.Snapshot(t, tt.Locks), tt.Leases, diagnose.Thresholds{}, locktest.Epoch)
		fmt.Fprintf(&b, "%s\n", tt.Name)
		for _, f := range d.Findings {
			write(&b, "  "+f.Severity.String()+" ", narrate.Finding(f))
			for _, r := range f.Remedies {
				fmt.Fprintf(&b, "      etcd-lock %s\n      etcdctl %s\n",
					printable.Shell(narrate.Command(r.Target)...), printable.Shell(narrate.Etcdctl(r.Target)...))
				write(&b, "        ", narrate.Remedy(r))
			}
		}
	}
	path := filepath.Join("testdata", "findings.golden")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("-update writes it anew; differs (-want +got):\n%s", diff)
	}
}

func write(b *strings.Builder, head string, t narrate.Text) {
	fmt.Fprintf(b, "%s%s\n", head, t.Headline)
	for _, clause := range t.Clauses {
		fmt.Fprintf(b, "%s· %s\n", strings.Repeat(" ", len(head)), clause)
	}
}
