package verify

import (
	"context"
	"errors"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
)

func TestMain(m *testing.M) { etcdtest.Main(m) }

// recorder begins to record below prefix on an etcd that others use too.
func recorder(ctx context.Context, t *testing.T, prefix string) (*Recorder, *clientv3.Client) {
	t.Helper()
	began := time.Now()
	rec, err := Record(ctx, etcdtest.Client(t, etcdtest.Shared(t)), prefix, func() time.Duration { return time.Since(began) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rec.Close)
	return rec, etcdtest.Client(t, etcdtest.Shared(t))
}

func put(ctx context.Context, t *testing.T, client *clientv3.Client, key string) int64 {
	t.Helper()
	resp, err := client.Put(ctx, key, "")
	if err != nil {
		t.Fatal(err)
	}
	return resp.Header.Revision
}

func remove(ctx context.Context, t *testing.T, client *clientv3.Client, key string) {
	t.Helper()
	if _, err := client.Delete(ctx, key); err != nil {
		t.Fatal(err)
	}
}

func TestRecorder(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	before := etcdtest.Client(t, etcdtest.Shared(t))
	put(ctx, t, before, "/rec/write/old")
	rec, client := recorder(ctx, t, "/rec/")

	if h, err := rec.History(ctx); err != nil || len(h.Changes) != 0 || len(h.Before) != 1 || h.Before[0].Key != "/rec/write/old" {
		t.Errorf("before anything happened: %+v, %v", h, err)
	}
	written := put(ctx, t, client, "/rec/write/a")
	etcdtest.Eventually(t, "the put is recorded", func() bool { return rec.Revision() >= written }) // a watch that lags would be compacted
	rev := put(ctx, t, client, "/elsewhere")
	if _, err := client.Compact(ctx, rev); err != nil {
		t.Fatal(err)
	}
	remove(ctx, t, client, "/rec/write/a")
	last := put(ctx, t, client, "/elsewhere") // only etcd can tell that nothing happened here
	h, err := rec.History(ctx)
	if err != nil || len(h.Changes) != 2 || !h.Changes[0].Put || h.Changes[1].Put {
		t.Errorf("a put and a delete: %+v, %v", h, err)
	}
	if seen := rec.Revision(); seen < last {
		t.Errorf("recorded up to %d, want at least %d", seen, last)
	}
	if v := Judge(Seen{}, h, Options{}); len(v.Violations) > 0 {
		t.Error(v.Violations)
	}
}

func TestDrained(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	rec, client := recorder(ctx, t, "/drained/")
	put(ctx, t, client, "/drained/write/a")
	if _, err := rec.History(ctx); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := rec.Drained(short, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a key that is there: %v", err)
	}
	if err := rec.Drained(ctx, map[int64]string{7: "somebody else"}); err != nil {
		t.Errorf("with a key of no session of ours: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- rec.Drained(ctx, nil) }()
	remove(ctx, t, client, "/drained/write/a")
	if err := <-done; err != nil {
		t.Error(err)
	}
	rec.Close()
	if err := rec.Drained(ctx, nil); err != nil {
		t.Error("what was recorded stays so: ", err)
	}
}

// A recorder that was cut off for too long says so, rather than tell a history
// that lacks something.
func TestRecorderSaysThatItHasAGap(t *testing.T) {
	rec, _ := recorder(t.Context(), t, "/gap/")
	if rec.record(clientv3.WatchResponse{CompactRevision: rec.Revision() + 2}) {
		t.Error("goes on after a gap")
	}
	if _, err := rec.History(t.Context()); !errors.Is(err, ErrGap) {
		t.Errorf("%v, want ErrGap", err)
	}
}
