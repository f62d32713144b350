package console

import (
	"bytes"
	"errors"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/release"
	"etcd-lock/tui/backend"
)

// newQueue is a cluster where two writers have asked for /a, the first without
// a lease, with another key written in between. It returns their keys and the
// revisions of these.
func newQueue(t *testing.T) (c *connect.Conn, keys []string, at []int64) {
	t.Helper()
	client := etcdtest.Client(t, etcdtest.Start(t))
	for _, id := range []string{"1", "", "2"} {
		key := keyspace.Encode("/a", keyspace.Write, id)
		if id == "" {
			key = "/unrelated"
		}
		resp, err := client.Put(t.Context(), key, "")
		if err != nil {
			t.Fatal(err)
		}
		keys, at = append(keys, key), append(at, resp.Header.Revision)
	}
	return &connect.Conn{Client: client, Source: inspect.NewSource(client), Timeout: 10 * time.Second}, keys, at
}

func TestReleaser(t *testing.T) {
	c, keys, _ := newQueue(t)
	var log bytes.Buffer
	f := &releaser{Releaser: release.New(c), audit: release.Audit{Log: &log, Now: time.Now}}
	plan, err := f.Request(t.Context(), keys[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Gone) != 1 || len(plan.Granted) != 1 || plan.Granted[0].Key != keys[2] {
		t.Errorf("plan = %+v", plan)
	}
	revision, err := plan.Apply(t.Context())
	if err != nil || revision <= plan.Revision || log.Len() == 0 {
		t.Errorf("Apply = %d, %v; log %q", revision, err, log.String())
	}
	if _, err := plan.Apply(t.Context()); !errors.Is(err, release.ErrChanged) {
		t.Errorf("Apply again = %v", err)
	}
	if _, err := f.Session(t.Context(), 1); !errors.Is(err, release.ErrGone) {
		t.Errorf("Session = %v", err)
	}
}

func TestPast(t *testing.T) {
	t.Parallel()
	c, keys, at := newQueue(t)
	gone, err := c.Client.Delete(t.Context(), keys[0])
	if err != nil {
		t.Fatal(err)
	}
	line := past{c}

	t.Run("Changes", func(t *testing.T) {
		got, err := line.Changes(t.Context(), []string{"/"}, backend.Place{Revision: at[2]}, -1)
		if err != nil || len(got.Events) != 2 || got.Since.Revision != 1 || got.Until.Revision != at[2] || got.Floor.Revision != 1 {
			t.Errorf("Changes = %+v, %v", got, err)
		}
		if got, err = line.Changes(t.Context(), []string{"/"}, backend.Place{Revision: at[2]}, 1); err != nil || len(got.Events) != 2 || got.Until.Revision != gone.Header.Revision {
			t.Errorf("Changes up to now = %+v, %v", got, err)
		}
	})

	t.Run("Granted", func(t *testing.T) {
		for i, want := range map[int]int64{0: at[0], 2: gone.Header.Revision} {
			r := inspect.Request{Lock: inspect.LockID{Layout: layout.RWLock, Name: "/a"}, Key: keys[i], Revision: at[i]}
			if got, err := line.Granted(t.Context(), r); err != nil || got.Revision != want {
				t.Errorf("%s: %v, %v; want %d", keys[i], got, err, want)
			}
		}
	})

	t.Run("Compacted", func(t *testing.T) {
		if _, err := c.Client.Compact(t.Context(), at[1], clientv3.WithCompactPhysical()); err != nil {
			t.Fatal(err)
		}
		if m, err := line.At(t.Context(), []string{"/"}, backend.Place{Revision: at[1]}); err != nil || m.Floor.Revision != at[1] || len(m.Snapshot.Locks) != 1 {
			t.Errorf("At the floor = %+v, %v", m, err)
		}
		if _, err := line.At(t.Context(), []string{"/"}, backend.Place{Revision: at[0]}); !errors.Is(err, inspect.ErrCompacted) {
			t.Errorf("At = %v", err)
		}
		if got, err := line.Changes(t.Context(), []string{"/"}, backend.Place{Revision: at[1]}, -1); err != nil || got.Since.Revision != at[1] || len(got.Events) != 0 {
			t.Errorf("Changes = %+v, %v", got, err)
		}
	})
}
