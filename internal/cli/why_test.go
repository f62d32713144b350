package cli

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

func TestWhyOptions(t *testing.T) {
	tests := []struct {
		args []string
		want whyOptions
		ok   bool
	}{
		{nil, whyOptions{thresholds: diagnose.DefaultThresholds}, true},
		{[]string{"/a", "--prefix", "/p", "--prefix", "/q,r", "--wait-over", "1s", "--hold-over", "2s"},
			whyOptions{name: "/a", prefixes: []string{"/p", "/q,r"}, thresholds: diagnose.Thresholds{Wait: time.Second, Hold: 2 * time.Second}}, true},
		{[]string{""}, whyOptions{}, false},
		{[]string{"--wait-over", "0s"}, whyOptions{}, false},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			var got whyOptions
			cmd := newWhyCmd(&app{}, func(_ context.Context, opts *whyOptions) error {
				got = *opts
				return nil
			})
			cmd.SilenceErrors, cmd.SilenceUsage = true, true
			cmd.SetArgs(tt.args)
			err := cmd.Execute()
			if (err == nil) != tt.ok {
				t.Fatalf("error = %v", err)
			}
			if got.name != tt.want.name || !slices.Equal(got.prefixes, tt.want.prefixes) || got.thresholds != tt.want.thresholds {
				t.Errorf("options %+v", got)
			}
		})
	}
}

// answerOn is what why says about a snapshot in which w writes, r and s wait to
// read behind it.
func answerOn(name string, leases map[int64]inspect.Lease) answer {
	id := inspect.LockID{Layout: layout.RWLock, Name: "/a"}
	owner := func(label string, ago time.Duration) keyspace.Owner {
		return keyspace.Owner{Host: "h", PID: 7, Program: "p", Label: label, Time: noon.Add(-ago)}
	}
	request := func(key string, mode keyspace.Mode, rev, lease int64, o keyspace.Owner) inspect.Request {
		return inspect.Request{Key: "/a/" + key, Lock: id, Mode: mode, Lease: lease, Revision: rev, Modified: rev, Owner: o.Ref(), Owned: o != keyspace.Owner{}, Since: o.Time, Holding: rev == 2}
	}
	s := inspect.Snapshot{Revision: 9, Locks: []inspect.Lock{{ID: id, Queue: []inspect.Request{
		request("write/1", keyspace.Write, 2, 0x1f, owner("w\x1b", 12*time.Second)),
		request("read/2", keyspace.Read, 3, 0x2f, owner("r", 10*time.Second)),
		request("read/3", keyspace.Read, 4, 0x3f, keyspace.Owner{}),
	}}}}
	a := newAnswer(diagnose.Locks(s, leases, diagnose.Thresholds{}, noon), name, noon)
	a.leases = leases
	return a
}

func alive(remaining time.Duration) inspect.Lease {
	return inspect.Lease{State: inspect.LeaseAlive, Granted: 10 * time.Second, Remaining: remaining}
}

func TestWhyAnswer(t *testing.T) {
	tests := []struct {
		name   string
		answer answer
		out    output.Printer
		want   string
	}{
		{"Healthy", answerOn("/a", map[int64]inspect.Lease{0x1f: alive(8 * time.Second)}), output.Printer{}, `
/a  rwlock, contended, at revision 9
  holding  w\x1b p[7]@h (write), requested 12s ago by its own clock, lease 000000000000001f with 8s of 10s left
  waiting  r p[7]@h (read), requested 10s ago by its own clock, lease 000000000000002f
  waiting  lease 000000000000003f (read), requested at revision 4 (no time was recorded)
why the last waiter waits:
  lease 000000000000003f waits for /a, held by w\x1b p[7]@h
what happens by itself:
  w\x1b p[7]@h holds it until it unlocks or its lease ends
  unless it is renewed, its lease ends in about 8s; if its client dies, within 10s
  then r p[7]@h gets it, along with 1 other reader
nothing is wrong with it, but this would end it by force:
    etcd-lock release --lease 000000000000001f
        end the session of w\x1b p[7]@h: releases /a (write), then r p[7]@h gets /a (read) and lease 000000000000003f gets /a (read)
        without force: etcd-lock ask /a asks its holder to give it back, in case it listens
`},
		{"MissedRenewals", answerOn("/a", map[int64]inspect.Lease{0x1f: alive(2 * time.Second)}), output.Printer{}, `
/a  rwlock, contended, at revision 9
  holding  w\x1b p[7]@h (write), requested 12s ago by its own clock, lease 000000000000001f with 2s of 10s left
  waiting  r p[7]@h (read), requested 10s ago by its own clock, lease 000000000000002f
  waiting  lease 000000000000003f (read), requested at revision 4 (no time was recorded)
why the last waiter waits:
  lease 000000000000003f waits for /a, held by w\x1b p[7]@h
what happens by itself:
  w\x1b p[7]@h holds it until it unlocks or its lease ends
  its lease has not been renewed for 8s; unless it is renewed now, it ends in about 2s
  then r p[7]@h gets it, along with 1 other reader
what is wrong, and what can be done:
warning  the lease of w\x1b p[7]@h has not been renewed for 8s and ends in about 2s
         unless it is renewed, its end releases /a (write)
         then r p[7]@h gets /a (read) and lease 000000000000003f gets /a (read)
         its client may be dead, or alive and not renew it: some clients, such as those of etcd's lock service, never do
    etcd-lock release --lease 000000000000001f
        if its client is dead, end the session of w\x1b p[7]@h: releases /a (write), then r p[7]@h gets /a (read) and lease 000000000000003f gets /a (read)
        without force: etcd-lock ask /a asks its holder to give it back, in case it listens
`},
		{"Terminal", answerOn("/a", map[int64]inspect.Lease{0x1f: alive(8 * time.Second)}), output.Printer{Terminal: true, Width: 60}, `
/a  rwlock, contended, at revision 9
  ● holding  w\x1b p[7]@h (write), requested 12s ago by its
             own clock, lease 000000000000001f with 8s of
             10s left
  ○ waiting  r p[7]@h (read), requested 10s ago by its own
             clock, lease 000000000000002f
  ○ waiting  lease 000000000000003f (read), requested at
             revision 4 (no time was recorded)
why the last waiter waits:
  lease 000000000000003f waits for /a, held by w\x1b p[7]@h
what happens by itself:
  w\x1b p[7]@h holds it until it unlocks or its lease ends
  unless it is renewed, its lease ends in about 8s; if its
  client dies, within 10s
  then r p[7]@h gets it, along with 1 other reader
nothing is wrong with it, but this would end it by force:
    etcd-lock release --lease 000000000000001f
        end the session of w\x1b p[7]@h: releases /a
        (write), then r p[7]@h gets /a (read) and lease
        000000000000003f gets /a (read)
        without force: etcd-lock ask /a asks its holder to
        give it back, in case it listens
`},
		{"AllIsWell", answerOn("", nil), output.Printer{}, "\nnothing is wrong with 1 lock at revision 9\n"},
		{"All", answerOn("", map[int64]inspect.Lease{0x3f: alive(0)}), output.Printer{}, `
1 finding in 1 lock at revision 9, worst first
warning  lease 000000000000003f has not been renewed for 10s and ends in about 0s
         unless it is renewed, its end cancels its wait for /a (read)
         its client may be dead, or alive and not renew it: some clients, such as those of etcd's lock service, never do
    etcd-lock release --lease 000000000000003f
        if its client is dead, end the session of lease 000000000000003f: cancels its wait for /a (read)
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			tt.out.Writer = &b
			if err := tt.answer.write(tt.out); err != nil {
				t.Fatal(err)
			}
			if got := "\n" + b.String(); got != tt.want {
				t.Errorf("answer%s\nwant%s", got, tt.want)
			}
		})
	}
}

// More waiters than anybody reads are left to show.
func TestWhyOfALongQueue(t *testing.T) {
	a := answerOn("/a", nil)
	queue := a.Snapshot.Locks[0].Queue
	for i := range 50 {
		r := queue[2]
		r.Key, r.Revision, r.Lease = fmt.Sprintf("/a/read/%d", 10+i), int64(10+i), int64(100+i)
		queue = append(queue, r)
	}
	a.Snapshot.Locks[0].Queue = queue
	a = newAnswer(diagnose.Locks(a.Snapshot, nil, diagnose.Thresholds{}, noon), "/a", noon)
	var b bytes.Buffer
	if err := a.write(output.Printer{Writer: &b}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n > 25 || !strings.Contains(b.String(), "and 43 more, see etcd-lock show") {
		t.Errorf("%d lines:\n%s", n, b.String())
	}
}

// In JSON, a remedy repeats at most 64 keys that the document has anyway, which a reader
// finds there by their lease, and all keys of other locks.
func TestWhyRepeatsFewKeys(t *testing.T) {
	const held, elsewhere = 70, 66
	queues := map[inspect.LockID][]inspect.Request{}
	for name, n := range map[string]int64{"/a": held, "/b": elsewhere} {
		id := inspect.LockID{Layout: layout.RWLock, Name: name}
		for i := range n {
			queues[id] = append(queues[id], inspect.Request{Key: fmt.Sprintf("%s/read/%d", name, i), Lock: id, Lease: 0x1f, Revision: i + 2, Modified: i + 2})
		}
		queues[id] = append(queues[id], inspect.Request{Key: name + "/write/w", Lock: id, Mode: keyspace.Write, Lease: 0x2f, Revision: 900, Modified: 900})
	}
	s := inspect.Snapshot{Revision: 900, Locks: inspect.NewLocks(queues)}
	doc := newAnswer(diagnose.Locks(s, nil, diagnose.Thresholds{}, noon), "/a", noon).document()
	if len(doc.Remedies) != 1 {
		t.Fatalf("%d remedies", len(doc.Remedies))
	}
	r := doc.Remedies[0]
	if len(r.Releases) != docs.MaxKeys+elsewhere || r.MoreReleases != held-docs.MaxKeys || len(r.Grants) != 2 || r.MoreGrants != 0 {
		t.Errorf("%d keys released and %d more, %q granted and %d more", len(r.Releases), r.MoreReleases, r.Grants, r.MoreGrants)
	}
	onLease := 0
	for q := range doc.Locks[0].Queue {
		if q.Lease == "000000000000001f" {
			onLease++
		}
	}
	if onLease != held {
		t.Errorf("%d requests of /a on the lease of the remedy, want %d", onLease, held)
	}
}

// Where nobody noted ages, nothing is said to be right.
func TestWhyUnknownAges(t *testing.T) {
	unaged := answerOn("", nil)
	queue := unaged.Snapshot.Locks[0].Queue
	for i := range queue {
		queue[i].Owner, queue[i].Since = keyspace.Owner{}.Ref(), time.Time{}
	}
	d := diagnose.Locks(unaged.Snapshot, nil, diagnose.Thresholds{}, noon)
	says := "since when 1 request holds its lock, and 2 requests wait: clients noted no time, and etcd keeps none"
	for _, name := range []string{"", "/a"} {
		if got := newAnswer(d, name, noon).unknownAges(); got != says {
			t.Errorf("%q, want %q", got, says)
		}
	}
	if got := newAnswer(d, "/b", noon).unknownAges(); got != "" {
		t.Errorf("of another lock: %q", got)
	}
	unaged = newAnswer(d, "", noon)
	unaged.unknown = []string{says}
	var b bytes.Buffer
	if err := unaged.write(output.Printer{Writer: &b}); err != nil {
		t.Fatal(err)
	}
	if want := "nothing is known to be wrong with 1 lock at revision 9\nnot known  " + says + "\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

// Of the past, what a session that others waited for had elsewhere cannot be looked up, so
// nothing is known to have been wrong if only a part was read.
func TestWhyPastOfPrefixes(t *testing.T) {
	s := answerOn("", nil).Snapshot
	for _, name := range []string{"", "/a"} {
		s.Prefixes = keyspace.NewPrefixes("/a")
		past := newAnswer(diagnose.Locks(s, nil, diagnose.Thresholds{}, time.Time{}), name, time.Time{})
		want := []string{"whether sessions that others waited for waited for something elsewhere: only --prefix /a was read"}
		if got := past.nestedElsewhere(); !slices.Equal(got, want) {
			t.Errorf("of %q: %q", name, got)
		}
		now := newAnswer(diagnose.Locks(s, nil, diagnose.Thresholds{}, noon), name, noon)
		s.Prefixes = nil
		all := newAnswer(diagnose.Locks(s, nil, diagnose.Thresholds{}, time.Time{}), name, time.Time{})
		if got := append(now.nestedElsewhere(), all.nestedElsewhere()...); len(got) > 0 {
			t.Errorf("of %q: %q", name, got)
		}
		under := answerOn("", nil).Snapshot
		under.Prefixes = keyspace.NewPrefixes("/a")
		under.Locks[0].Queue[2].Owner = keyspace.Owner{Under: "/b/write/1"}.Ref()
		now = newAnswer(diagnose.Locks(under, nil, diagnose.Thresholds{}, noon), name, noon)
		if got := now.nestedElsewhere(); len(got) != 1 || !strings.HasSuffix(got[0], "below /b/; --prefix /a --prefix /b/ reads that too") {
			t.Errorf("of %q: %q", name, got)
		}
	}
}

// A finding in JSON has its age and how far that is known, a remedy its condition.
func TestWhyBounds(t *testing.T) {
	a := answerOn("", nil)
	a.Diagnosis = diagnose.Locks(a.Snapshot, nil, diagnose.Thresholds{Wait: 9 * time.Second, Hold: 11 * time.Second}, noon)
	got := map[string]string{}
	for _, f := range a.document().Findings {
		got[f.Kind] = fmt.Sprintf("%s %v", f.AgeBound, *f.Age)
		for _, r := range f.Remedies {
			got[f.Kind] += " " + r.Condition
		}
	}
	if got["long-hold"] != "at_most 12" || got["long-wait"] != "exact 10 if its client is dead" {
		t.Errorf("%v", got)
	}
}

// why runs why on an etcd that prepare has written to, and returns what it prints and
// how many ranges of keys it reads.
func why(t *testing.T, prepare func(*clientv3.Client), args ...string) (said string, ranges int) {
	t.Helper()
	endpoint := etcdtest.Start(t)
	prepare(etcdtest.Client(t, endpoint))
	g := globals{connection: connect.Options{
		Etcd:    etcd.Config{Endpoints: []string{endpoint}, DialTimeout: 10 * time.Second},
		Timeout: 10 * time.Second,
	}}
	var out bytes.Buffer
	reads := &rangeCounter{}
	cmd := newWhyCmd(&app{}, func(ctx context.Context, opts *whyOptions) error {
		opts.out, opts.err, opts.now = output.Printer{Writer: &out}, &out, time.Now
		opts.connect = func(ctx context.Context) (*connect.Conn, error) {
			c, err := g.connect(ctx)
			if err == nil {
				reads.KV, c.Client.KV = c.Client.KV, reads
			}
			return c, err
		}
		return whyRun(ctx, opts)
	})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out.String(), reads.n
}

// rangeCounter counts the gets of more than one key.
type rangeCounter struct {
	clientv3.KV
	n int
}

func (c *rangeCounter) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	if op := clientv3.OpGet(key, opts...); len(op.RangeBytes()) > 0 && !op.IsCountOnly() {
		c.n++
	}
	return c.KV.Get(ctx, key, opts...)
}

// A name without a lock is looked for among the keys that were read.
func TestWhyReadsOnce(t *testing.T) {
	said, ranges := why(t, func(client *clientv3.Client) {
		for _, key := range []string{"/job", "/jobs/a/write/1", "/other"} {
			if _, err := client.Put(t.Context(), key, ""); err != nil {
				t.Fatal(err)
			}
		}
	}, "/jo")
	want := "no request that etcd-lock knows for /jo; 2 keys begin with it, 1 of which is no lock request: /job (no lease)\ndid you mean /jobs/a?\n"
	if said != want || ranges != 1 {
		t.Errorf("%d ranges read; want 1; said\n%swant\n%s", ranges, said, want)
	}
}

// A remedy that ends a session says which other keys go with it.
func TestWhyOtherKeys(t *testing.T) {
	prepare := func(client *clientv3.Client) {
		for _, keys := range [][]string{{"/w/write/1", "/config", "/beyond/write/1"}, {"/w/write/2"}} {
			lease, err := client.Grant(t.Context(), 60)
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range keys {
				if _, err := client.Put(t.Context(), key, "", clientv3.WithLease(lease.ID)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	const want = "this also deletes 2 other keys of the session: /beyond/write/1 and /config"
	if said, _ := why(t, prepare, "/w", "--prefix", "/w"); !strings.Contains(said, want) {
		t.Errorf("no %q in\n%s", want, said)
	}
}
