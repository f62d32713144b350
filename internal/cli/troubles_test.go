package cli

import (
	"bytes"
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"etcd-lock/internal/etcd"
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
		for _, args := range [][]string{{"access", "--check"}, {"doctor"}} {
			if _, said := run(args...); !regexp.MustCompile(`take locks\s+(no|warning)\s.*has the alarm ` + alarm).MatchString(said) {
				t.Errorf("%q: %s", args, said)
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

// exec says that etcd granted a longer TTL than was asked for, as slow clusters do.
func TestExecSaysRaisedTTL(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t, func(c *etcd.EmbeddedConfig) { c.ElectionTimeout = 2 * time.Second })
	for ttl, want := range map[string]string{
		"1s": "etcd-lock: etcd raised the TTL from 1s to 3s: if this program dies, its locks last that long\n",
		"4s": "",
	} {
		var said bytes.Buffer
		code := Main(System{
			Args: []string{"--endpoints", endpoint, "exec", "--ttl", ttl, "/a", "--", "true"}, In: strings.NewReader(""),
			Out: &said, Err: &said, Getenv: func(string) string { return "" },
		})
		if code != 0 || said.String() != want {
			t.Errorf("--ttl %s: exit %d, %q, want %q", ttl, code, said.String(), want)
		}
	}
}

// oldServer is a member that says it has an old version.
type oldServer struct{ pb.MaintenanceServer }

func (o oldServer) Status(ctx context.Context, req *pb.StatusRequest) (*pb.StatusResponse, error) {
	resp, err := o.MaintenanceServer.Status(ctx, req)
	if resp != nil {
		resp.Version = "3.6.4"
	}
	return resp, err
}

// TestOldServersAndProxiesAreSaid: why and access --check say which faults a member's
// version has and what mends them, and that etcd is behind a proxy, after what is wrong
// with the locks. exec says what touches a holder.
func TestOldServersAndProxiesAreSaid(t *testing.T) {
	endpoint := etcdtest.Start(t)
	client := etcdtest.Client(t, endpoint)
	l := locks{tb: t, client: client}
	l.request("write", "/held", "holder")
	proxy := etcdtest.StartGRPCProxy(t, []string{endpoint}, func(s pb.MaintenanceServer) pb.MaintenanceServer { return oldServer{s} })
	run := func(args ...string) (code int, said string) {
		var out bytes.Buffer
		code = Main(System{
			Args: slices.Concat([]string{"--endpoints", proxy}, args), In: strings.NewReader(""),
			Out: &out, Err: &out, Getenv: func(string) string { return "" },
		})
		return code, out.String()
	}
	says := func(said string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			_, after, found := strings.Cut(said, part)
			if !found {
				t.Errorf("no %q, or not in this order: %s", part, said)
			}
			said = after
		}
	}
	server := []string{
		"warning  member default runs etcd 3.6.4, which has 3 known faults that touch locks", "mended in 3.6.5", "mended in 3.6.9", "mended in 3.6.14",
		"notice  etcd is reached through a proxy",
	}
	_, said := run("why")
	says(said, append([]string{"nothing is wrong with 1 lock"}, server...)...)
	_, said = run("why", "/held")
	says(said, append([]string{"/held  rwlock, write"}, server...)...)
	_, said = run("access", "--check")
	says(said, append([]string{"take locks"}, server...)...)
	_, said = run("why", "-o", "json")
	says(said, `"kind": "old-server"`, `"severity": "warning"`, `"locks": []`, `"name": "default"`, `"version": "3.6.4"`, `"mended_in": "3.6.5"`, `"kind": "proxy"`)
	_, said = run("access", "--check", "-o", "json")
	says(said, `"kind": "old-server"`, `"mended_in": "3.6.5"`)
	if code, said := run("exec", "/free", "--", "true"); code != 0 || said != "" {
		t.Errorf("exec: exit %d, %s", code, said)
	}
	etcdtest.EnableAuth(t, client, nil)
	if code, said := run("--user", "root:"+etcdtest.Password, "exec", "/free", "--", "true"); code != 0 || !strings.Contains(said, "renews no session") {
		t.Errorf("exec with a login: exit %d, %s", code, said)
	}
}
