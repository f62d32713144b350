package inspect_test

import (
	"context"
	"fmt"
	"log"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/rwlock"
	"etcd-lock/rwlock/inspect"
	"etcd-lock/rwlock/rwlocktest"
)

func TestMain(m *testing.M) { etcdtest.Main(m) }

// lock takes a lock for writing with a session of its own, or asks for it.
func lock(t *testing.T, client *clientv3.Client, name, label string) *rwlock.RWMutex {
	t.Helper()
	session, err := rwlock.NewSession(t.Context(), client, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return session.NewRWMutex(name, rwlock.WithLabel(label))
}

func TestList(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	if err := lock(t, client, "/jobs/a", "nightly").RWLock(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"/jobs/b", "/k8s/leases/x"} {
		if _, err := client.Put(t.Context(), key, "v"); err != nil {
			t.Fatal(err)
		}
	}
	s, err := inspect.New(client).List(t.Context(), "/jobs/")
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 1 || s.OtherKeys() != 1 || s.Revision() == 0 || len(s.Named("/jobs/b")) != 0 {
		t.Errorf("%d locks, %d other keys at revision %d", s.Len(), s.OtherKeys(), s.Revision())
	}
	for l := range s.Locks() {
		if l.Name != "/jobs/a" || l.Layout != "rwlock" || l.State != inspect.Write || !l.WaitersKnown || len(l.Queue) != 1 {
			t.Fatalf("%+v", l)
		}
		r := l.Queue[0]
		if r.Mode != rwlock.Write || !r.Holds || r.Lease == 0 || r.Token == 0 || r.Owner.Label != "nightly" || r.Made.IsZero() || !r.Granted.IsZero() {
			t.Errorf("%+v", r)
		}
		if !strings.HasPrefix(r.Owner.String(), "nightly ") {
			t.Errorf("owner %q", r.Owner)
		}
	}
}

// Whoever inspects a semaphore has to see why a request waits although not all permits are taken.
func TestListSemaphore(t *testing.T) {
	t.Parallel()
	client := rwlocktest.New().Client(t)
	session, err := rwlock.NewSession(t.Context(), client, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = session.Close() }()
	if err := session.NewSemaphore("/convert", 3).Acquire(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	s, err := inspect.New(client).List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	locks := s.Named("/convert")
	if len(locks) != 1 || locks[0].State != inspect.Slots || len(locks[0].Queue) != 1 {
		t.Fatalf("%+v", locks)
	}
	if r := locks[0].Queue[0]; r.Mode != rwlock.Slot || r.Weight != 2 || r.Permits != 3 {
		t.Errorf("%+v", r)
	}
}

// A watch goes on until its loop is left, and then leaves nothing running.
func TestWatch(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	holder := lock(t, client, "/jobs/a", "one")
	if err := holder.RWLock(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := goleak.IgnoreCurrent()
	var kinds []string
	for u := range inspect.New(client).Watch(t.Context(), "/jobs/") {
		switch {
		case u.Err != nil:
			t.Fatal(u.Err)
		case len(kinds) == 0 && len(u.Events) == 0:
			if err := holder.Unlock(); err != nil {
				t.Fatal(err)
			}
		}
		for _, e := range u.Events {
			kinds = append(kinds, e.Kind+" "+e.Lock)
		}
		if u.Snapshot.Len() == 0 {
			break
		}
	}
	if !slices.Equal(kinds, []string{"released /jobs/a"}) {
		t.Errorf("saw %q", kinds)
	}
	goleak.VerifyNone(t, before)
}

// Locks that their holder has released, that it has lost with its session, and whose holder has
// died are told apart, as etcd-lock watch does.
func TestWatchSaysWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		etcd := rwlocktest.New()
		client, dies := etcd.Client(t), etcd.Client(t)
		hold := func(client *clientv3.Client, names ...string) (*rwlock.Session, *rwlock.Set) {
			session, err := rwlock.NewSession(t.Context(), client, 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			var locks []rwlock.LockRequest
			for _, name := range names {
				locks = append(locks, rwlock.LockRequest{Name: name, Mode: rwlock.Write})
			}
			set := session.NewSet(locks)
			if err := set.Lock(t.Context()); err != nil {
				t.Fatal(err)
			}
			return session, set
		}
		releases, released := hold(client, "/a")
		closes, _ := hold(client, "/b", "/c")
		hold(dies, "/d")
		time.AfterFunc(time.Minute, func() { _ = released.Unlock() })
		time.AfterFunc(2*time.Minute, func() { _ = closes.Close() })
		time.AfterFunc(3*time.Minute, func() { etcd.Cut(dies, time.Hour) })
		var kinds []string
		for u := range inspect.New(client).Watch(t.Context()) {
			for _, e := range u.Events {
				kinds = append(kinds, e.Kind+" "+e.Lock)
			}
			if u.Snapshot.Len() == 0 {
				break
			}
		}
		if !slices.Equal(kinds, []string{"released /a", "revoked /b", "revoked /c", "expired /d"}) {
			t.Errorf("saw %q", kinds)
		}
		_ = releases.Close()
	})
}

func TestDiagnose(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	if _, err := client.Put(t.Context(), "/jobs/a/write/1", ""); err != nil {
		t.Fatal(err)
	}
	waits := lock(t, client, "/jobs/a", "waits")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- waits.RWLock(ctx) }()
	i := inspect.New(client)
	for u := range i.Watch(t.Context(), "/jobs/") {
		if locks := u.Snapshot.Named("/jobs/a"); len(locks) == 0 || len(locks[0].Queue) < 2 {
			continue
		}
		found, err := i.Diagnose(t.Context(), u.Snapshot, inspect.Thresholds{})
		if err != nil || len(found) != 1 {
			t.Fatalf("%+v, %v", found, err)
		}
		f := found[0]
		if f.Kind != "no-lease" || f.Severity != inspect.Critical || f.Behind != 1 || !slices.Equal(f.Locks, []string{"/jobs/a"}) {
			t.Errorf("%+v", f)
		}
		if len(f.Remedies) == 0 || f.Remedies[0].Command != "etcd-lock release --request /jobs/a/write/1" {
			t.Errorf("remedies %+v", f.Remedies)
		}
		break
	}
	cancel()
	<-done
}

func ExampleInspector_Diagnose() {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{"127.0.0.1:2379"}, DialKeepAliveTime: 10 * time.Second})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	i := inspect.New(client)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	locks, err := i.List(ctx, "/jobs/")
	if err != nil {
		log.Print(err)
		return
	}
	findings, err := i.Diagnose(ctx, locks, inspect.Thresholds{Wait: time.Minute})
	if err != nil {
		log.Print(err) // some leases could not be looked up: what was found holds
	}
	for _, f := range findings {
		fmt.Println(f.Severity, f.Text)
	}
}
