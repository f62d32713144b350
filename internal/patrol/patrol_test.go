package patrol

import (
	"context"
	"testing"
	"time"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

func TestMain(m *testing.M) { etcdtest.Main(m) }

// Rounds are rare enough to cost little, and often enough to be of use.
func TestRest(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{
		0: 5 * time.Second, 20 * time.Millisecond: 5 * time.Second, 100 * time.Millisecond: 10 * time.Second,
		time.Second: time.Minute, time.Hour: time.Minute,
	} {
		if got := rest(took); got != want {
			t.Errorf("%s: %s, want %s", took, got, want)
		}
	}
}

// seen passes on what a patrol sees.
type seen struct {
	rounds chan Round
	errors chan error
}

func (s seen) Update(u inspect.Update) {
	if u.Err != nil {
		select {
		case s.errors <- u.Err:
		default:
		}
	}
}

func (s seen) Round(r Round) {
	select {
	case s.rounds <- r:
	default:
	}
}

func (seen) Tick() {}

func TestRun(t *testing.T) {
	member := etcdtest.StartProcess(t)
	client := etcdtest.Client(t, member.Endpoint)
	if _, err := client.Put(t.Context(), keyspace.Encode("/a", keyspace.Write, "id"), ""); err != nil {
		t.Fatal(err)
	}
	c, err := connect.Open(t.Context(), connect.Options{Etcd: etcd.Config{Endpoints: []string{member.Endpoint}, DialTimeout: 5 * time.Second}, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, stop := context.WithCancel(t.Context())
	s, ended := seen{make(chan Round, 1), make(chan error, 1)}, make(chan error, 1)
	go func() {
		ended <- Run(ctx, c, Options{Prefixes: keyspace.NewPrefixes(), Leases: 1, Cluster: true, Watch: c.Source.Watch}, s)
	}()
	r := <-s.rounds
	if len(r.Findings) != 1 || r.Findings[0].Kind != diagnose.NoLease || len(r.Unknown) != 0 || r.Revision < r.Snapshot.Revision {
		t.Errorf("%+v", r)
	}
	member.Pause()
	<-s.errors
	member.Resume()
	for drained := false; !drained; {
		select {
		case <-s.rounds: // of before
		default:
			drained = true
		}
	}
	<-s.rounds // it goes on
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
