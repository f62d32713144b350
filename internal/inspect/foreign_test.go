package inspect

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// keysOfOthers are keys of software other than etcd's own, and keys beside them that say
// what they are.
var keysOfOthers = []string{
	"/service/x/leader", "/service/x/members/p1", "/service/x/members/p2", "/service/x/initialize", "/locks/n",
	"/registry/leases/ns/l", "com.coreos.airlock/groups/g/v1/semaphore",
	"election/n/1", "election/n/2", "/v/keyspaces/k/locks/1", "/v/keyspaces/k/locks/2", "/v/keyspaces/k/locks/2/x",
	"/etcd-lock/n/1", "/etcd-lock/n/2", "/etcd-lock/n/x/1", "/go-etcd-lock-rw/readers/L2V0Y2QtbG9jay9u/1", "/go-etcd-lock-rw/readers/L2V0Y2QtbG9jay9u/2",
}

// valuesBeside returns values that make a key a lock, or something about one.
func valuesBeside(key string) []string {
	switch {
	case strings.HasSuffix(key, "/leader"):
		return []string{"p1", "p2"}
	case strings.Contains(key, "/members/"):
		return []string{`{"conn_url":"u","api_url":"a","state":"running","role":"replica"}`}
	case strings.HasSuffix(key, "/initialize"):
		return []string{"7712994121439633787"}
	case key == "/locks/n":
		return []string{"11295022-eab6-11f1-ab9f-02005e100001", "da6bb2d2-eab5-11f1-9357-02005e100001"}
	case strings.HasPrefix(key, "/registry/"):
		return []string{kubernetesLease(""), kubernetesLease("a"), kubernetesLease("b"), "k8s:enc:x"}
	case strings.HasPrefix(key, "com.coreos"):
		return []string{`{"total_slots":2,"holders":[]}`, `{"total_slots":2,"holders":["a"]}`, `{"total_slots":2,"holders":["a","b"]}`}
	case strings.HasPrefix(key, "election/"), strings.HasPrefix(key, "/v/"), strings.Contains(key, "etcd-lock"):
		return []string{"", "host"}
	default:
		return nil
	}
}

// kubernetesLease is the value of a Kubernetes Lease.
func kubernetesLease(holder string) string {
	text := func(b []byte, n protowire.Number, s string) []byte {
		return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), s)
	}
	spec := protowire.AppendVarint(protowire.AppendTag(text(nil, 1, holder), 2, protowire.VarintType), 15)
	lease := text(text(nil, 1, ""), 2, string(spec))
	kind := text(text(nil, 1, "coordination.k8s.io/v1"), 2, "Lease")
	return "k8s\x00" + string(text(text(nil, 1, string(kind)), 2, string(lease)))
}

// TestPassedOn wants events when another client has a lock that is one key by writing that
// again, and none when its holder renews it with another lease.
func TestPassedOn(t *testing.T) {
	store := newStore()
	member := `{"conn_url":"postgres://a","state":"running"}`
	store.put("/service/demo/members/pg1", member, 1)
	store.put("/service/demo/members/pg2", member, 2)
	store.put("/service/demo/leader", "pg1", 1)
	store.put("pwx/lock", `{"LockerID":"node-1"}`, 3)
	store.commit()
	s := newState(nil, store.listing(), nil)
	store.put("/service/demo/leader", "pg2", 2)
	store.put("pwx/lock", `{"LockerID":"node-1"}`, 4)
	var got []string
	for _, e := range s.apply(store.commit(), epoch) {
		got = append(got, string(e.Kind)+" "+e.Request.Owner.Value().Label)
	}
	if want := []string{"released pg1", "granted pg2"}; !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}

// summary is a snapshot in lines.
func summary(s Snapshot, now time.Time) string {
	var b strings.Builder
	for _, l := range s.Locks {
		waiters := "?"
		if l.ID.Layout.Waiters {
			waiters = strconv.Itoa(l.Count().Waiters)
		}
		fmt.Fprintf(&b, "%q %s %s, waiters %s\n", l.ID.Name, l.ID.Layout, l.StateAt(now), waiters)
		for _, r := range l.Queue {
			fmt.Fprintf(&b, "\t%s %q of %q\n", r.StandingAt(now), r.Key, r.Owner.Value().Label+r.Owner.Value().Host)
		}
		for _, o := range l.Others {
			fmt.Fprintf(&b, "\tblocked by %q\n", o.Key)
		}
		if len(l.Candidates) > 0 {
			fmt.Fprintf(&b, "\tcandidates %q\n", l.Candidates)
		}
	}
	return b.String()
}

// TestCaptures: of what real programs wrote, a snapshot and a watch say who holds which
// lock and who waits. The golden file was compared with what was known when it was
// captured.
func TestCaptures(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 27, 23, 28, 55, 0, time.UTC) // shortly after the captures of records
	var got bytes.Buffer
	for _, c := range etcdtest.Corpus(t) {
		client := etcdtest.Client(t, etcdtest.Start(t))
		source := newSource(client)
		v := watch(t, source, "")
		v.untilRevision(1)
		c.Restore(t, client)
		read := snapshot(t, source, "")
		v.untilRevision(read.Revision)
		text := summary(read, now)
		if watched := summary(v.last.Snapshot, now); watched != text {
			t.Errorf("%s (-read +watched):\n%s", c.Name, cmp.Diff(text, watched))
		}
		fmt.Fprintf(&got, "# %s\n%s\n", c.Name, text)
	}
	const golden = "testdata/captures.txt"
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil { //nolint:gosec // a golden file
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("-update writes it anew (-want +got):\n%s", diff)
	}
}

// TestSlots wants events of those who get a slot of a semaphore, or give it back, and of
// no others.
func TestSlots(t *testing.T) {
	const key = "com.coreos.airlock/groups/g/v1/semaphore"
	store := newStore()
	store.commit()
	s := newState(nil, store.listing(), nil)
	for _, tt := range []struct{ holders, want string }{
		{`"a"`, "granted a"},
		{`"a"`, ""},
		{`"a","b"`, "granted b"},
		{`"b","c"`, "released a, granted c"},
		{`"c"`, "released b"},
		{`"d"`, "released c, granted d"},
		{``, "released d"},
		{``, ""},
	} {
		store.put(key, `{"total_slots":2,"holders":[`+tt.holders+`]}`, 0)
		before := Snapshot{Locks: s.snapshot().Locks}
		var got []string
		events := s.apply(store.commit(), epoch)
		for _, e := range events {
			got = append(got, string(e.Kind)+" "+e.Request.Owner.Value().Label)
		}
		if strings.Join(got, ", ") != tt.want {
			t.Errorf("with holders %s, events %q, want %q", tt.holders, got, tt.want)
		}
		after := s.snapshot()
		if compared := Compare(before, after); len(compared) != len(events) {
			t.Errorf("with holders %s, compared %+v", tt.holders, compared)
		}
		if got, want := after.Locks[0].Count().Writers, strings.Count(tt.holders, `"`)/2; got != want {
			t.Errorf("with holders %s, %d hold", tt.holders, got)
		}
	}
}

// TestKept wants a key that its client wrote again when it ended to be held by nobody until
// it is deleted, and the lock to be released then and not when the key goes.
func TestKept(t *testing.T) {
	const key = "shedlock:default:report"
	store := newStore()
	store.commit()
	s := newState(nil, store.listing(), nil)
	for _, tt := range []struct {
		lease      int64 // 0: the key is deleted
		want       string
		state      State
		standing   string
		holders, n int
	}{
		{1, "granted host-a", StateWrite, "holding", 1, 1},
		{2, "released host-a", StateKept, "kept", 0, 1},
		{0, "", "", "", 0, 0},
		{3, "granted host-a", StateWrite, "holding", 1, 1},
		{0, "released host-a", "", "", 0, 0},
	} {
		if tt.lease == 0 {
			store.del(key)
		} else {
			store.put(key, "ADDED:2026-08-22T09:15:00.123Z@host-a", tt.lease)
		}
		var got []string
		for _, e := range s.apply(store.commit(), epoch) {
			got = append(got, string(e.Kind)+" "+e.Request.Owner.Value().Host)
		}
		if strings.Join(got, ", ") != tt.want {
			t.Errorf("on lease %d: events %q, want %q", tt.lease, got, tt.want)
		}
		locks := s.snapshot().Locks
		if len(locks) != tt.n {
			t.Fatalf("on lease %d: %+v", tt.lease, locks)
		}
		for _, l := range locks {
			if c := l.Count(); l.State() != tt.state || l.Queue[0].Standing() != tt.standing || c != (Counts{Writers: tt.holders}) {
				t.Errorf("on lease %d: %s, %s, %+v", tt.lease, l.State(), l.Queue[0].Standing(), c)
			}
		}
	}
}

// TestMemberDeletedFirst wants Patroni's leader to hold its lock as long as its key is
// there, whatever becomes of its member's key.
func TestMemberDeletedFirst(t *testing.T) {
	store := newStore()
	store.put("/service/demo/initialize", "7712994121439633787", 0)
	store.put("/service/demo/members/pg1", `{"conn_url":"postgres://a","state":"running"}`, 1)
	store.put("/service/demo/leader", "pg1", 1)
	store.commit()
	s := newState(nil, store.listing(), nil)
	for _, change := range []func(){
		func() { store.del("/service/demo/members/pg1") },
		func() { store.put("/service/demo/members/pg1", `{"conn_url":"postgres://a","state":"starting"}`, 2) },
		func() { store.del("/service/demo/members/pg1") },
	} {
		change()
		if events := s.apply(store.commit(), epoch); len(events) > 0 {
			t.Errorf("events %+v", events)
		}
		l := store.listing()
		for from, locks := range map[string][]Lock{"watch": s.snapshot().Locks, "read": l.locks} {
			if len(locks) != 1 || !locks[0].Queue[0].Holding || locks[0].Queue[0].Owner.Value().Label != "pg1" {
				t.Errorf("%s: %+v", from, locks)
			}
		}
	}
	store.put("/service/demo/members/pg2", `{"conn_url":"postgres://b","state":"running"}`, 3)
	store.del("/service/demo/leader")
	l := store.listing()
	if got := (Snapshot{keys: l.keys, beside: l.beside}).absence("/service/demo/leader").Candidates; !slices.Equal(got, []string{"pg2"}) {
		t.Errorf("candidates without a leader: %q", got)
	}
	if events := s.apply(store.commit(), epoch); len(events) != 1 || events[0].Kind != EventReleased {
		t.Errorf("events %+v", events)
	}
}

// TestReadersElsewhere wants one lock of the keys of writers and those of readers, which are
// below another prefix, whichever way it is read.
func TestReadersElsewhere(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	write := func(dir string) string {
		lease, err := client.Grant(t.Context(), 3600)
		if err != nil {
			t.Fatal(err)
		}
		key := dir + strconv.FormatInt(int64(lease.ID), 16)
		if _, err := client.Put(t.Context(), key, "", clientv3.WithLease(lease.ID)); err != nil {
			t.Fatal(err)
		}
		return key
	}
	source := newSource(client)
	v := watch(t, source, "/etcd-lock/")
	v.untilRevision(1)
	const readers = "/go-etcd-lock-rw/readers/L2V0Y2QtbG9jay9u/"
	first := write(readers)
	write(readers)
	write("/go-etcd-lock-rw/writer-intents/L2V0Y2QtbG9jay9u/")
	write("/etcd-lock/n/")
	write(readers)
	want := `"/etcd-lock/n" scalingo contended, waiters 2` + "\n"
	check := func(want string) {
		t.Helper()
		for _, prefix := range []string{"", "/etcd-lock/", "/etcd-lock/n/", "/e"} {
			s := snapshot(t, source, prefix)
			if got := summary(s, time.Time{}); !strings.HasPrefix(got, want) || prefix == "/etcd-lock/" && s.Other != 0 {
				t.Errorf("below %q: %s", prefix, got)
			}
			if prefix == "/etcd-lock/" {
				if got := summary(v.untilRevision(s.Revision).Snapshot, time.Time{}); got != summary(s, time.Time{}) {
					t.Errorf("watched: %s", got)
				}
			}
		}
	}
	check(want + "\tholding \"" + first)
	if _, err := client.Delete(t.Context(), readers, clientv3.WithPrefix()); err != nil {
		t.Fatal(err)
	}
	check(`"/etcd-lock/n" scalingo write, waiters 0` + "\n\tholding \"/etcd-lock/n/")
	if s := snapshot(t, source, "/go-etcd-lock-rw/"); len(s.Locks) > 0 {
		t.Errorf("below the readers' prefix alone: %+v", s.Locks)
	}
}
