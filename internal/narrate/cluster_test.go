package narrate_test

import (
	"strings"
	"testing"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/narrate"
	"etcd-lock/internal/servers"
)

// TestOldServerWords: every fault is told with what it does, the release that mends it,
// and where etcd says so. Members of one version are named together.
func TestOldServerWords(t *testing.T) {
	for _, version := range []string{"3.4.0", "3.5.0", "3.6.0", "3.7.0"} {
		f := diagnose.Cluster(inspect.Cluster{Servers: []inspect.Server{{ID: 0xabc, Version: version}, {ID: 2, Name: "b", Version: version}}})[0]
		text := narrate.Present.Finding(f)
		if !strings.HasPrefix(text.Headline, "member abc and member b run etcd "+version+", which has ") || len(text.Clauses) != len(servers.Faults(version)) {
			t.Errorf("%+v", text)
		}
		for i, fault := range f.Faults {
			if c := text.Clauses[i]; strings.HasPrefix(c, ";") || !strings.HasSuffix(c, "; mended in "+fault.MendedIn(version)+" ("+fault.Source+")") {
				t.Errorf("%s: %q", fault.Kind, c)
			}
		}
	}
}

// The commands against an alarm are printed with the caller's user, so they say who may run them.
func TestAlarmsSayWhoMayDisarm(t *testing.T) {
	t.Parallel()
	for _, alarm := range []inspect.Alarm{inspect.AlarmNoSpace, inspect.AlarmCorrupt} {
		found := diagnose.Cluster(inspect.Cluster{Alarms: []inspect.Alarm{alarm}})
		if len(found) != 1 {
			t.Fatalf("%v: %d findings", alarm, len(found))
		}
		if says := strings.Join(narrate.Present.Finding(found[0]).Clauses, "\n"); !strings.Contains(says, "a user with the role root") {
			t.Errorf("%v: %s", alarm, says)
		}
	}
}
