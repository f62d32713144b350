package inspect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/keyspace"
)

// locksOf reads locks, one a line: "/a  A.w1 B.r2". The requests are those of
// the sessions A and B, by mode (m is a mutex) and create revision. A session is
// its lease in hex: with a last digit from A to F it says that it is a program
// of that name, with one from a to f it says nothing; "-" has no lease either. What may follow: "@5m" and "~5m", how
// long ago it was made by its own clock and by the watch's; "!9", the revision
// of the last write; "</a/write/1", the key that it runs under.
func locksOf(t *testing.T, spec string) Snapshot {
	t.Helper()
	queues := map[LockID][]Request{}
	for line := range strings.Lines(spec) {
		fields := strings.Fields(line)
		for _, f := range fields[min(1, len(fields)):] {
			r := requestOf(t, fields[0], f)
			queues[r.Lock] = append(queues[r.Lock], r)
		}
	}
	s := Snapshot{Revision: 100}
	for id, queue := range queues {
		s.Locks = append(s.Locks, newLock(id, queue))
	}
	slices.SortFunc(s.Locks, func(a, b Lock) int { return a.ID.compare(b.ID) })
	return s
}

func requestOf(t *testing.T, name, spec string) Request {
	t.Helper()
	whose, what, _ := strings.Cut(spec, ".")
	what, under, _ := strings.Cut(what, "<")
	what, written, _ := strings.Cut(what, "!")
	what, seen, _ := strings.Cut(what, "~")
	what, made, _ := strings.Cut(what, "@")
	r := Request{Lock: LockID{Layout: keyspace.RWLock, Name: name}, Mode: keyspace.Write, Revision: number(t, what[1:])}
	if whose != "-" {
		r.Lease, _ = strconv.ParseInt(whose, 16, 64)
	}
	if what[0] == 'r' {
		r.Mode = keyspace.Read
	}
	r.Key = keyspace.Encode(name, r.Mode, what[1:])
	if what[0] == 'm' {
		r.Lock.Layout, r.Key = keyspace.Mutex, fmt.Sprintf("%s/%x", name, r.Lease)
	}
	if last := whose[len(whose)-1:]; last >= "A" && last <= "F" {
		r.Owner, r.Owned = keyspace.Owner{Program: strings.ToLower(last), Under: under}, true
	}
	if made != "" {
		r.Owner.Time = epoch.Add(-ago(t, made))
		r.Since = r.Owner.Time
	}
	if seen != "" {
		r.Since = epoch.Add(-ago(t, seen))
	}
	r.Modified = r.Revision
	if written != "" {
		r.Modified = number(t, written)
	}
	return r
}

func number(t *testing.T, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func ago(t *testing.T, s string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// told is a diagnosis as lines: each finding, then its remedies.
func told(findings []Finding) string {
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "%s %s: %s\n", f.Severity, f.Kind, f.Text)
		for _, r := range f.Remedies {
			fmt.Fprintf(&b, "  %s\n", r.Text)
		}
	}
	return b.String()
}

func TestFindings(t *testing.T) {
	alive := func(granted, remaining int) Lease {
		return Lease{State: LeaseAlive, Granted: time.Duration(granted) * time.Second, Remaining: time.Duration(remaining) * time.Second}
	}
	tests := []struct {
		name   string
		locks  string
		leases map[int64]Lease
		want   string
	}{
		{"nothing", "/a A.w1 B.w2@30s C.r3@-5m\n/b D.r1@10m", map[int64]Lease{0xa: alive(30, 20), 0xb: {}}, ""},
		{"converging is no deadlock", "/a A.w1 B.w3 C.w4\n/b A.w2 C.w5 D.w6\n/c D.r7 B.r8", nil, ""},
		{"deadlock", "/a A.w1 B.w4\n/b B.w2 A.r3", nil, `
critical deadlock: deadlock: a holds /a (write) and waits for /b (read); b holds /b (write) and waits for /a (write); it lasts until one of them gives up, unless one has several jobs at once and another of them unlocks
  end the session of b: releases /b (write), and gives up its wait for /a (write); next: a gets /b (read)
  end the session of a: releases /a (write), and gives up its wait for /b (read); next: b gets /a (write)
`},
		{"deadlock of three", "/a A.w1 C.w6 D.w7\n/b B.r2 A.w4\n/c C.w3 B.w5", nil, `
critical deadlock: deadlock: a holds /a (write) and waits for /b (write); b holds /b (read) and waits for /c (write); c holds /c (write) and waits for /a (write); it lasts until one of them gives up, unless one has several jobs at once and another of them unlocks; 1 session waits behind it
  end the session of c: releases /c (write), and gives up its wait for /a (write); next: b gets /c (write)
  end the session of b: releases /b (read), and gives up its wait for /c (write); next: a gets /b (write)
  end the session of a: releases /a (write), and gives up its wait for /b (write); next: c gets /a (write)
`},
		{"deadlock through one that is ahead", "/a A.r1 B.w3 C.r4\n/b C.w2 A.w5", nil, `
critical deadlock: deadlock: a holds /a (read) and waits for /b (write); c holds /b (write) and waits for /a (read); b waits for /a (write) ahead of c; it lasts until one of them gives up, unless one has several jobs at once and another of them unlocks
  end the session of b: gives up its wait for /a (write); next: c gets /a (read)
  end the session of a: releases /a (read), and gives up its wait for /b (write); next: b gets /a (write)
  end the session of c: releases /b (write), and gives up its wait for /a (read); next: a gets /b (write)
`},
		{"deadlock of one that is ahead elsewhere", "/a A.r1 B.w3 C.r5\n/b C.w2 B.w6", nil, `
critical deadlock: deadlock: c holds /b (write) and waits for /a (read); b is ahead of c for /a (write) and waits for /b (write); it lasts until one of them gives up, unless one has several jobs at once and another of them unlocks
  end the session of b: gives up its wait for /a (write) and /b (write); next: c gets /a (read)
  end the session of c: releases /b (write), and gives up its wait for /a (read); next: b gets /b (write)
`},
		{"deadlock inside", "/orders A.w1 C.w4</stock/b\n/stock b.m2 A.m5", nil, `
critical deadlock: deadlock: a holds /orders (write) and waits for /stock (mutex); lease b holds /stock (mutex) and runs c under it; c waits for /orders (write); it lasts until one of them gives up, unless one has several jobs at once and another of them unlocks; that c runs under /stock (mutex) is its own account
  end the session of c: gives up its wait for /orders (write); when that makes it exit, lease b unlocks /stock (mutex)
  end the session of a: releases /orders (write), and gives up its wait for /stock (mutex); next: c gets /orders (write)
  end the session of lease b: releases /stock (mutex); next: a gets /stock (mutex); c may go on without the lock it runs under
`},
		{"deadlock inside, under another lock", "/a A.w1 C.w5</c/write/3\n/b B.w2 A.w4\n/c B.w3", nil, `
critical deadlock: deadlock: a holds /a (write) and waits for /b (write); b holds /b (write) and runs c under /c (write); c waits for /a (write); it lasts until one of them gives up, unless one has several jobs at once and another of them unlocks; that c runs under /c (write) is its own account
  end the session of c: gives up its wait for /a (write); when that makes it exit, b unlocks /c (write)
  end the session of a: releases /a (write), and gives up its wait for /b (write); next: c gets /a (write)
  end the session of b: releases /b (write) and /c (write); next: a gets /b (write); c may go on without the lock it runs under
`},
		{"deadlock inside, with itself", "/a A.w1 C.w2</a/write/1", nil, `
critical deadlock: deadlock: a holds /a (write) and runs c under it; c waits for /a (write); it lasts until one of them gives up, unless one has several jobs at once and another of them unlocks; that c runs under /a (write) is its own account
  end the session of c: gives up its wait for /a (write); when that makes it exit, a unlocks /a (write)
  end the session of a: releases /a (write); next: c gets /a (write); c may go on without the lock it runs under
`},
		{"deadlock inside, nested", "/a A.w1 C.w3</b/write/2\n/b B.w2</a/write/1", nil, `
critical deadlock: deadlock: a holds /a (write) and runs b under it; b holds /b (write) and runs c under it; c waits for /a (write); it lasts until one of them gives up, unless one has several jobs at once and another of them unlocks; that b runs under /a (write) is its own account; that c runs under /b (write) is its own account
  end the session of c: gives up its wait for /a (write); when that makes it exit, b unlocks /b (write)
  end the session of b: releases /b (write); when that makes it exit, a unlocks /a (write); c may go on without the lock it runs under
  end the session of a: releases /a (write); next: c gets /a (write); b may go on without the lock it runs under
`},
		{"deadlock inside is told only", "/a A.w1</b/write/2\n/b B.w2</a/write/1", nil, ""},
		{"deadlock in a knot", "/a A.w1 B.w4\n/b B.w2 A.w5 C.w6\n/c C.w3 B.w7", nil, `
critical deadlock: deadlock: a holds /a (write) and waits for /b (write); b holds /b (write) and waits for /a (write); it lasts until one of them gives up, unless one has several jobs at once and another of them unlocks; 1 session waits behind it
  end the session of b: releases /b (write), and gives up its wait for /a (write) and /c (write); next: a gets /b (write)
  end the session of a: releases /a (write), and gives up its wait for /b (write); next: b gets /a (write)
`},
		{"deadlock of namesakes", "/a A.w1 1A.w4\n/b 1A.w2 A.w3", nil, `
critical deadlock: deadlock: a (a) holds /a (write) and waits for /b (write); a (1a) holds /b (write) and waits for /a (write); it lasts until one of them gives up, unless one has several jobs at once and another of them unlocks
  end the session of a: releases /b (write), and gives up its wait for /a (write); next: a gets /b (write)
  end the session of a: releases /a (write), and gives up its wait for /b (write); next: a gets /a (write)
`},
		{"no lease", "/a -.w1 -.w2 B.w3 -.r4\n/b -.r5\n/c a.w6 -.w7", nil, `
critical no-lease: key /a/write/1 holds /a (write) without a lease: if its client is gone, nothing ever removes it; 3 sessions wait behind it; 2 more likewise
  delete /a/write/1: releases /a (write); next: key /a/write/2 gets /a (write)
warning no-lease: key /b/read/5 holds /b (read) without a lease: if its client is gone, nothing ever removes it; nobody waits behind it
  delete /b/read/5: releases /b (read)
warning no-lease: key /c/write/7 waits for /c (write) without a lease: if its client is gone, nothing ever removes it; nobody waits behind it
  delete /c/write/7: gives up its wait for /c (write)
`},
		{"no lease, and a key like an option", "-a -.w1", nil, `
warning no-lease: key -a/write/1 holds -a (write) without a lease: if its client is gone, nothing ever removes it; nobody waits behind it
  delete -a/write/1: releases -a (write)
`},
		{"expiring", "/a A.w1 B.r2 C.r3\n/b A.r4 C.w5\n/c B.w6", map[int64]Lease{0xa: alive(30, 12), 0xb: alive(7200, 4000), 0xc: alive(30, 19)}, `
warning expiring: a has missed renewals: the lease ends in about 12s, which releases /a (write) and /b (read); next: b gets /a (read), c gets /a (read) and c gets /b (write)
  end the session of a: releases /a (write) and /b (read); next: b gets /a (read), c gets /a (read) and c gets /b (write)
warning expiring: b has missed renewals: the lease ends in about 1h7m, which releases /c (write), and gives up its wait for /a (read)
  end the session of b: releases /c (write), and gives up its wait for /a (read)
`},
		{"lease gone", "/a a.w1 B.w2\n/b C.r1", map[int64]Lease{0xa: {State: LeaseGone}, 0xc: {State: LeaseGone}}, `
notice lease-gone: lease a is gone: the lease ended just now, which releases /a (write); next: b gets /a (write)
notice lease-gone: c is gone: the lease ended just now, which releases /b (read)
`},
		{"long wait", "/a A.w1 B.w2@5m C.w3~95s", nil, `
warning long-wait: b has waited 5m for /a (write), by its own clock; a holds it; 1 more for longer than 30s
  end the session of a: releases /a (write); next: b gets /a (write)
`},
		{"long wait for readers", "/a A.r1 B.r2 C.r3 D.r4 E.r5 F.w6~31s", nil, `
warning long-wait: f has waited 31s for /a (write), as seen from here; a, b, c and 2 more hold it
  end the session of a: releases /a (read)
  end the session of b: releases /a (read)
  end the session of c: releases /a (read)
  end the session of d: releases /a (read)
  end the session of e: releases /a (read)
`},
		{"long wait for another lock", "/a A.w1 B.w2~1h30m\n/b C.w3 A.w4", nil, `
warning long-wait: b has waited 1h30m for /a (write), as seen from here; a holds it; in the end all wait for c, which holds /b (write)
  end the session of c: releases /b (write); next: a gets /b (write)
`},
		{"long wait for a deadlock", "/a A.w1 B.w4 C.w5~31s\n/b B.w2 A.r3", nil, `
critical deadlock: deadlock: a holds /a (write) and waits for /b (read); b holds /b (write) and waits for /a (write); it lasts until one of them gives up, unless one has several jobs at once and another of them unlocks; 1 session waits behind it
  end the session of b: releases /b (write), and gives up its wait for /a (write); next: a gets /b (read)
  end the session of a: releases /a (write), and gives up its wait for /b (read); next: b gets /a (write)
warning long-wait: c has waited 31s for /a (write), as seen from here; a holds it; a deadlock is in the way
  end the session of b: releases /b (write), and gives up its wait for /a (write); next: a gets /b (read)
  end the session of a: releases /a (write), and gives up its wait for /b (read); next: b gets /a (write)
`},
		{"long hold", "/a A.w1@12m B.w2 C.w3\n/b A.r4~50h B.r5@11m", nil, `
warning long-hold: a holds /a (write) and asked for it 12m ago, by its own clock; 2 sessions wait behind it
  end the session of a: releases /a (write) and /b (read); next: b gets /a (write)
notice long-hold: a holds /b (read) and asked for it 50h ago, as seen from here; nobody waits behind it; 1 more asked over 10m ago
`},
		{"mixed layouts", "/a A.w1 B.m2", nil, `
warning mixed-layouts: /a is a mutex to some and a read/write lock to others, who do not exclude each other: b holds /a (mutex) and a holds /a (write)
`},
		{"modified", "/a A.w1!9 B.w2!7\n/b A.w5!8\n/c A.m5!9 B.m6", nil, `
critical modified: a holds /a (write) by a key that was written again at revision 9: older clients go by the last write and let others in beside it; 1 more likewise
  delete /a/write/1 of a: releases /a (write); next: b gets /a (write)
warning modified: a holds /b (write) by a key that was written again at revision 8: older clients go by the last write and let others in beside it
  delete /b/write/5 of a: releases /b (write)
`},
		{"modified while it waits", "/a A.w1 B.w2!7 C.w3", nil, `
warning modified: b waits for /a (write) by a key that was written again at revision 7: older clients go by the last write and let others in before it
  delete /a/write/2 of b: gives up its wait for /a (write)
`},
		{"self-wait", "/a A.r1 A.w2 B.w3", nil, `
warning self-wait: a holds /a (read) and waits for it again, to write: for ever, unless another job of that process unlocks it; 1 session waits behind it
  end the session of a: releases /a (read), and gives up its wait for /a (write); next: b gets /a (write)
  delete /a/write/2 of a: gives up its wait for /a (write)
`},
		{"self-wait behind another", "/a A.r1 B.w2 A.r3@31s", nil, `
warning self-wait: a holds /a (read) and waits for it again, to read: for ever, unless another job of that process unlocks it; 1 session waits behind it
  end the session of a: releases /a (read), and gives up its wait for /a (read); next: b gets /a (write)
  delete /a/read/3 of a: gives up its wait for /a (read)
warning long-wait: a has waited 31s for /a (read), by its own clock; a holds it
  end the session of a: releases /a (read), and gives up its wait for /a (read); next: b gets /a (write)
`},
		{"self-wait, for now", "/a A.w1 B.w2 A.w3@30s B.w4 A.w5", nil, `
notice self-wait: a holds /a (write) and waits for it again, to write: for ever, unless another job of that process unlocks it; 1 session waits behind it; 1 more likewise
  end the session of a: releases /a (write), and gives up its wait for /a (write) and /a (write); next: b gets /a (write)
  delete /a/write/3 of a: gives up its wait for /a (write)
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := Diagnose(locksOf(t, tt.locks), tt.leases, Thresholds{}, epoch)
			if diff := gocmp.Diff(strings.TrimPrefix(tt.want, "\n"), told(d.Findings)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRank(t *testing.T) {
	d := Diagnose(locksOf(t, `
		/notice    1A.w1@1h
		/warning   -.w2
		/few       -.w3 2A.w4
		/many      -.w5 3A.w6 4A.w7
		/m         5A.w8 6A.w10
		/n         6A.w9 5A.w11
		/also-few  -.w12 7A.w13`), nil, Thresholds{}, epoch)
	var got []string
	for _, f := range d.Findings {
		got = append(got, fmt.Sprintf("%s %s %s %d", f.Severity, f.Kind, f.Locks[0].Name, f.Behind))
	}
	want := []string{
		"critical no-lease /many 2",
		"critical no-lease /also-few 1",
		"critical no-lease /few 1",
		"critical deadlock /n 0",
		"warning no-lease /warning 0",
		"notice long-hold /notice 0",
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSeverityText(t *testing.T) {
	for s, want := range map[Severity]string{Critical: "critical", Warning: "warning", Notice: "notice", 0: "unknown"} {
		if got, err := s.MarshalText(); err != nil || string(got) != want {
			t.Errorf("%d: %q, %v; want %q", s, got, err, want)
		}
	}
}

func TestThresholds(t *testing.T) {
	s := locksOf(t, "/a A.w1@12m B.w2@31s")
	for _, tt := range []struct {
		t    Thresholds
		want int
	}{
		{Thresholds{}, 2},
		{DefaultThresholds, 2},
		{Thresholds{Wait: 31 * time.Second}, 1},
		{Thresholds{Hold: 12 * time.Minute}, 1},
		{Thresholds{Wait: time.Hour, Hold: time.Hour}, 0},
	} {
		if got := len(Diagnose(s, nil, tt.t, epoch).Findings); got != tt.want {
			t.Errorf("%+v: %d findings, want %d", tt.t, got, tt.want)
		}
	}
}

func TestRemedyCommands(t *testing.T) {
	for locks, want := range map[string]Remedy{
		"/a 1aB.w1 1aB.w2": {Args: []string{"release", "--lease", "1ab"}, Etcdctl: []string{"lease", "revoke", "1ab"}},
		"/a -.w1":          {Args: []string{"release", "--key", "/a/write/1"}, Etcdctl: []string{"del", "/a/write/1"}},
		"-a -.w1":          {Args: []string{"release", "--key", "-a/write/1"}, Etcdctl: []string{"del", "--", "-a/write/1"}},
	} {
		got := Diagnose(locksOf(t, locks), nil, Thresholds{}, epoch).Findings[0].Remedies[0]
		if !slices.Equal(got.Args, want.Args) || !slices.Equal(got.Etcdctl, want.Etcdctl) {
			t.Errorf("%s: %q, %q; want %q, %q", locks, got.Args, got.Etcdctl, want.Args, want.Etcdctl)
		}
	}
}

func TestExpiringIsDue(t *testing.T) {
	leases := map[int64]Lease{0xa: {State: LeaseAlive, Granted: time.Minute, Remaining: 7 * time.Second}}
	f := Diagnose(locksOf(t, "/a A.w1"), leases, Thresholds{}, epoch).Findings[0]
	if want := epoch.Add(7 * time.Second); !f.Due.Equal(want) {
		t.Errorf("Due = %v, want %v", f.Due, want)
	}
}

func TestMissedRenewals(t *testing.T) {
	for _, tt := range []struct {
		state              LeaseState
		granted, remaining time.Duration
		want               bool
	}{
		{LeaseUnknown, 0, 0, false},
		{LeaseGone, 0, 0, false},
		{LeaseAlive, 60 * time.Second, 39 * time.Second, false}, // up to 40 s may be left
		{LeaseAlive, 60 * time.Second, 38 * time.Second, true},
		{LeaseAlive, 2 * time.Second, time.Second, false},
		{LeaseAlive, 2 * time.Second, 0, true},
	} {
		s := Session{Lease: Lease{State: tt.state, Granted: tt.granted, Remaining: tt.remaining}}
		if got := s.MissedRenewals(); got != tt.want {
			t.Errorf("%+v: MissedRenewals = %v", s.Lease, got)
		}
	}
}

func TestWho(t *testing.T) {
	for want, s := range map[string]Session{
		"l p 7@h":       {Requests: []Request{{}, {Owned: true, Owner: keyspace.Owner{Host: "h", PID: 7, Program: "p", Label: "l"}}}},
		"@h":            {Requests: []Request{{Owned: true, Owner: keyspace.Owner{Host: "h"}}}},
		"7":             {Requests: []Request{{Owned: true, Owner: keyspace.Owner{PID: 7}}}},
		"lease 1f":      {ID: SessionID{Lease: 31}, Requests: []Request{{Owned: true, Owner: keyspace.Owner{Under: "k"}}}},
		"key /a/read/1": {ID: SessionID{Key: "/a/read/1"}},
	} {
		if got := s.Who(); got != want {
			t.Errorf("Who() = %q, want %q", got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                               "0s",
		20*time.Second + 400*1000*1000:  "20s",
		95 * time.Second:                "1m35s",
		5 * time.Minute:                 "5m",
		10*time.Minute + 31*time.Second: "11m",
		time.Hour:                       "1h",
		100*time.Hour + 5*time.Minute:   "100h5m",
	} {
		if got := duration(d); got != want {
			t.Errorf("duration(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestSession(t *testing.T) {
	d := Diagnose(locksOf(t, "/a A.w1 B.w3\n/b A.r2 -.w4\n/c B.w5 A.w6"), nil, Thresholds{}, epoch)
	s, ok := d.Session(SessionID{Lease: 0xa})
	if !ok || keys(s.Holds()) != "/a/write/1 /b/read/2" || keys(s.Waits()) != "/c/write/6" {
		t.Errorf("session = %+v, %v", s, ok)
	}
	if _, ok := (Diagnosis{}).Session(s.ID); ok || len((Diagnosis{}).About("/a").Locks) > 0 {
		t.Error("the zero value has something")
	}
	if _, ok := d.Session(SessionID{Lease: 0xd}); ok {
		t.Error("found a session that is not there")
	}
	var ids []string
	for _, s := range d.Sessions {
		ids = append(ids, s.ID.String())
	}
	if want := []string{"a", "b", "/b/write/4"}; !slices.Equal(ids, want) {
		t.Errorf("sessions = %q, want %q", ids, want)
	}
}

// drawn is trees as lines: who, by which kind of edge, how many are behind.
func drawn(roots []*Blocker) string {
	var b strings.Builder
	var draw func(*Blocker)
	draw = func(n *Blocker) {
		fmt.Fprintf(&b, "%s%s %s %d\n", strings.Repeat("  ", n.Depth), n.Session.Who(), cmp.Or(string(n.Edge.Kind), "root"), n.Behind)
		for _, child := range n.Children {
			draw(child)
		}
	}
	for _, root := range roots {
		draw(root)
	}
	return b.String()
}

func TestRoots(t *testing.T) {
	tests := []struct{ name, locks, want string }{
		{"nobody waits", "/a A.w1\n/b A.r2 B.r3", ""},
		{"nobody waits for a lock", "/a A.w1\n/b B.w2</a/write/1", ""},
		{"one queue", "/a A.w1 B.w2 C.r3 D.w4", `
a root 3
  b hard 0
  c hard 0
  d hard 0
`},
		{"a writer holds up readers", "/a A.r1 B.w2 C.r3", `
a root 2
  b hard 1
    c soft 0
`},
		{"readers hold together", "/a A.r1 B.r2 C.w3", `
a root 1
  c hard 0
b root 1
`},
		{"most behind first", "/a A.w1 B.w2\n/b C.w3 D.w4 E.w5", `
c root 2
  d hard 0
  e hard 0
a root 1
  b hard 0
`},
		{"inside", "/a A.w1 B.w3\n/b C.r2</a/write/1 D.w4", `
c root 3
  a inside 1
    b hard 0
  d hard 0
`},
		{"the oldest stands for a deadlock", "/a A.w1 B.w4 C.w5\n/b B.w2 A.w3", `
a root 2
  b hard 0
  c hard 0
`},
		{"a deadlock that waits for another", "/a A.w1 B.w4\n/b B.w2 A.w3\n/c D.w6 A.w7", `
d root 2
  a hard 1
    b hard 0
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := Diagnose(locksOf(t, tt.locks), nil, Thresholds{}, epoch)
			if diff := gocmp.Diff(strings.TrimPrefix(tt.want, "\n"), drawn(d.Roots)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// linked is edges as a line.
func linked(edges []Edge) string {
	var words []string
	for _, e := range edges {
		words = append(words, fmt.Sprintf("%s %s %s %s", e.From, e.Kind, e.To, e.Blocker.Lock.Name))
	}
	return strings.Join(words, ", ")
}

func TestAbout(t *testing.T) {
	tests := []struct {
		name, locks                     string
		found                           int
		chains, roots, cycles, findings []string
		remedy                          string
	}{
		{name: "free", locks: "/b A.w1 B.w2"},
		{name: "held", locks: "/a A.w1\n/b -.w2 B.w3", found: 1},
		{
			name: "another lock is in the way", locks: "/a A.w1 B.w2 C.w3~31s\n/b -.w4 A.w5 F.w9\n/c A.w6 -.w7 E.w8", found: 1,
			chains: []string{"c hard a /a, a hard /b/write/4 /b"}, roots: []string{"key /b/write/4"}, remedy: "--key /b/write/4",
			findings: []string{"no-lease /b", "long-wait /a"},
		},
		{
			name: "the way begins at this lock", locks: "/a A.w1 B.w2\n/b C.w3 A.w4\n/c D.w5 B.w6", found: 1,
			chains: []string{"b hard a /a, a hard c /b"}, roots: []string{"c", "d"},
		},
		{
			name: "both layouts", locks: "/a A.w1 B.w2 C.m3 D.m4", found: 2,
			chains: []string{"d hard c /a", "b hard a /a"}, roots: []string{"a", "c"}, findings: []string{"mixed-layouts /a"},
		},
		{
			name: "behind a deadlock", locks: "/a A.w1 B.w2\n/b A.w3 C.w6\n/c C.w4 A.w5", found: 1,
			chains: []string{"b hard a /a"}, roots: []string{"a"}, cycles: []string{"a hard c /c, c hard a /b"}, remedy: "--lease c", findings: []string{"deadlock /c"},
		},
		{
			name: "inside", locks: "/a A.w1 B.w3\n/b D.w2 C.w4</a/write/1", found: 1,
			chains: []string{"b hard a /a, a inside c /b, c hard d /b"}, roots: []string{"d"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := Diagnose(locksOf(t, tt.locks), nil, Thresholds{}, epoch).About("/a")
			var chains, roots, cycles, findings []string
			for _, chain := range a.Chains {
				chains = append(chains, linked(chain))
			}
			for _, root := range a.Roots {
				roots = append(roots, root.Session.Who())
			}
			for _, cycle := range a.Cycles {
				cycles = append(cycles, linked(cycle))
			}
			for _, f := range a.Findings {
				findings = append(findings, string(f.Kind)+" "+f.Locks[0].Name)
			}
			if tt.remedy != "" && strings.Join(a.Remedies[0].Args[1:], " ") != tt.remedy {
				t.Errorf("first remedy %q, want %q", a.Remedies[0].Args, tt.remedy)
			}
			if len(a.Locks) != tt.found || !slices.Equal(chains, tt.chains) || !slices.Equal(roots, tt.roots) ||
				!slices.Equal(cycles, tt.cycles) || !slices.Equal(findings, tt.findings) {
				t.Errorf("%d locks, chains %q, roots %q, cycles %q, findings %q", len(a.Locks), chains, roots, cycles, findings)
			}
		})
	}
}

// TestDiagnoseRealClients: two mutexes of etcd's own wait for each other until
// the first remedy is carried out.
func TestDiagnoseRealClients(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	locked := make(chan error, 2)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first, second := etcdtest.Session(t, client, 60), etcdtest.Session(t, client, 60)
	for name, session := range map[string]*concurrency.Session{"/a": first, "/b": second} {
		if err := concurrency.NewMutex(session, name).Lock(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for name, session := range map[string]*concurrency.Session{"/b": first, "/a": second} {
		go func() { locked <- concurrency.NewMutex(session, name).Lock(ctx) }()
	}
	s := newSource(client)
	diagnose := func() Diagnosis {
		snap := snapshot(t, s, "/")
		var ids []int64
		for _, r := range snap.all(func(Request) bool { return true }) {
			ids = append(ids, r.Lease)
		}
		leases, err := s.Leases(ctx, ids)
		if err != nil {
			t.Fatal(err)
		}
		return Diagnose(snap, leases, Thresholds{}, time.Now())
	}
	etcdtest.Eventually(t, "a deadlock", func() bool { return len(diagnose().Cycles) == 1 })
	f := diagnose().Findings[0]
	if f.Kind != FindingDeadlock || len(f.Remedies) != 2 {
		t.Fatalf("finding %+v", f)
	}
	if _, err := client.Revoke(ctx, clientv3.LeaseID(f.Remedies[0].Releases[0].Lease)); err != nil {
		t.Fatal(err)
	}
	if err := <-locked; err != nil {
		t.Fatal(err)
	}
	if findings := diagnose().Findings; len(findings) != 0 {
		t.Errorf("afterwards: %s", told(findings))
	}
	cancel()
	<-locked // the other one does not notice the end of its session while it waits
}
