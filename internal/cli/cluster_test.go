package cli

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"etcd-lock/internal/etcdtest"
)

// TestAlarmsAreSaid: why, exec and access --check say first that etcd refuses writes, and
// what still works does.
func TestAlarmsAreSaid(t *testing.T) {
	endpoint := etcdtest.Start(t)
	client := etcdtest.Client(t, endpoint)
	l := locks{tb: t, client: client}
	l.request("write", "/held", "holder")
	status, err := client.Status(t.Context(), endpoint)
	if err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (code int, said string) {
		var out bytes.Buffer
		code = Main(System{
			Args: slices.Concat([]string{"--endpoints", endpoint}, args), In: strings.NewReader(""),
			Out: &out, Err: &out, Getenv: func(string) string { return "" },
		})
		return code, out.String()
	}
	raise := func(alarm pb.AlarmType) {
		t.Helper()
		if _, err := pb.NewMaintenanceClient(client.ActiveConnection()).Alarm(t.Context(), &pb.AlarmRequest{
			Action: pb.AlarmRequest_ACTIVATE, Alarm: alarm, MemberID: status.Header.MemberId,
		}); err != nil {
			t.Fatal(err)
		}
	}
	say := func(alarm, kind string) {
		t.Helper()
		for _, args := range [][]string{{"why"}, {"why", "/held"}, {"access", "--check"}} {
			if code, said := run(args...); code != 0 || !strings.HasPrefix(said, "critical  etcd has the alarm "+alarm) || !strings.Contains(said, "what helps: etcdctl") {
				t.Errorf("%q: exit %d, %s", args, code, said)
			}
		}
		if code, said := run("why", "-o", "json"); code != 0 || !strings.Contains(said, `"kind": "`+kind+`"`) {
			t.Errorf("exit %d, %s", code, said)
		}
		if code, said := run("exec", "/free", "--", "true"); code == 0 || !strings.Contains(said, "etcd has the alarm "+alarm) {
			t.Errorf("exec: exit %d, %s", code, said)
		}
	}
	if _, said := run("why"); !strings.HasPrefix(said, "nothing is wrong with 1 lock") {
		t.Errorf("without an alarm: %s", said)
	}
	raise(pb.AlarmType_NOSPACE)
	say("NOSPACE", "no-space")
	if code, said := run("release", "/held", "--holder", "--yes"); code != 0 {
		t.Errorf("release: exit %d, %s", code, said)
	}
	raise(pb.AlarmType_CORRUPT)
	say("CORRUPT", "corrupt")
}
