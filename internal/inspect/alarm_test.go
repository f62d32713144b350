package inspect

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
)

func TestAlarms(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	s := newSource(client)
	put(t, client, "/a/0")
	lease := grant(t, client, 60)
	if _, err := client.Put(t.Context(), fmt.Sprintf("/a/%x", lease), "", clientv3.WithLease(lease)); err != nil {
		t.Fatal(err)
	}
	status, err := client.Status(t.Context(), client.Endpoints()[0])
	if err != nil {
		t.Fatal(err)
	}
	raise := func(alarm pb.AlarmType) {
		t.Helper()
		_, err := pb.NewMaintenanceClient(client.ActiveConnection()).Alarm(t.Context(), &pb.AlarmRequest{
			Action: pb.AlarmRequest_ACTIVATE, Alarm: alarm, MemberID: status.Header.MemberId,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	check := func(want ...Alarm) {
		t.Helper()
		if got, err := s.Alarms(t.Context()); err != nil || !cmp.Equal(got, want) {
			t.Errorf("alarms = %q, %v; want %q", got, err, want)
		}
		if got, err := s.Snapshot(t.Context(), "/"); err != nil || len(got.Locks) != 1 || len(got.Locks[0].Others) != 1 {
			t.Errorf("snapshot = %+v, %v", got, err)
		}
	}
	check()
	raise(pb.AlarmType_NOSPACE)
	check(AlarmNoSpace)
	raise(pb.AlarmType_CORRUPT)
	check(AlarmCorrupt, AlarmNoSpace)
}
