package stories

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/locks"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/scenario"
	"etcd-lock/simulate/verify"
)

// TestNegativeControls ends a hold in etcd while another client waits, for locks of several
// makes, and has them judged as those of the soak are. Who holds a lock of package rwlock is
// notified, or has the smaller token. Who holds one of the others goes on beside the next one,
// and nothing tells the two apart: a judge that lets that pass judges nothing.
func TestNegativeControls(t *testing.T) {
	t.Parallel()
	member := etcdtest.StartProcess(t)
	client := etcdtest.Client(t, member.Endpoint)
	etcdctl := filepath.Join(t.TempDir(), "etcdctl")
	if err := run(".", "go", "build", "-o", etcdctl, "go.etcd.io/etcd/etcdctl/v3"); err != nil {
		t.Fatal(err)
	}
	inProcess := func(impl scenario.Impl) func(*testing.T, string) *party {
		return func(t *testing.T, lock string) *party { t.Helper(); return newParty(t, member.Endpoint, impl, lock) }
	}
	process := func(t *testing.T, lock string) *party {
		t.Helper()
		return newProcess(t, etcdctl, member.Endpoint, lock)
	}
	deletion := func(t *testing.T, c *control) { t.Helper(); c.deleteFirst(t) }
	for _, tt := range []struct {
		name  string
		begin func(*testing.T, string) *party
		fault func(*testing.T, *control)
		want  []verify.Kind
	}{
		{"rwlock", inProcess(""), deletion, nil},
		{"concurrency.Mutex", inProcess(scenario.ImplMutex), deletion, []verify.Kind{verify.Unfenced}},
		{"the recipe's RWMutex", inProcess(scenario.ImplRecipe), deletion, []verify.Kind{verify.Unfenced}},
		{"etcdctl lock", process, deletion, []verify.Kind{verify.Unfenced}},
		{"etcdctl lock, stopped", process, func(_ *testing.T, c *control) { c.first.signal(syscall.SIGSTOP) }, []verify.Kind{verify.Unfenced}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &control{client: client, lock: "/control/" + string(tt.name[0]), began: time.Now(), begin: tt.begin}
			var kinds []verify.Kind
			for _, v := range c.judge(t, tt.fault).Violations {
				kinds = append(kinds, v.Kind)
				t.Log(v.Text)
			}
			if !slices.Equal(kinds, tt.want) {
				t.Errorf("the judge finds %v, want %v", kinds, tt.want)
			}
			if calm := c.judge(t, func(*testing.T, *control) {}); len(calm.Violations) > 0 {
				t.Errorf("the judge finds %v where nothing has gone wrong", calm.Violations)
			}
		})
	}
}

// control is two clients of one lock, of which the first one's hold is ended in etcd.
type control struct {
	client *clientv3.Client
	lock   string
	began  time.Time
	begin  func(*testing.T, string) *party
	first  *party
}

func (c *control) now() time.Duration { return time.Since(c.began) }

// judge has the first client hold the lock, the second one wait for it, and a fault happen.
// Without a fault, the first one releases the lock.
func (c *control) judge(t *testing.T, fault func(*testing.T, *control)) verify.Verdict {
	t.Helper()
	recorder, err := verify.Record(t.Context(), c.client, c.lock, c.now)
	if err != nil {
		t.Fatal(err)
	}
	defer recorder.Close()
	holds := []verify.Hold{c.asks("first"), c.asks("second")}
	first, second := &holds[0], &holds[1]
	c.first = c.begin(t, c.lock)
	c.first.granted(t, c, first)
	waiter := c.begin(t, c.lock)
	etcdtest.Eventually(t, "the second client waits", func() bool { return len(c.keys(t)) == 2 })
	first.End = c.now()
	fault(t, c)
	ended := len(c.keys(t)) == 1 || c.first.stopped
	if !ended {
		first.Known = c.now()
		c.first.release(t)
		first.Released = c.now()
	}
	waiter.granted(t, c, second)
	if ended {
		c.first.untilTold()
		first.Known = c.now()
		c.first.release(t)
	}
	second.End = c.now()
	second.Known = second.End
	waiter.release(t)
	second.Released = c.now()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := recorder.Drained(ctx, nil); err != nil {
		t.Fatal(err)
	}
	history, err := recorder.History(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return verify.Judge(verify.Seen{Holds: holds}, history, verify.Options{Exclusive: true})
}

func (c *control) asks(client string) verify.Hold {
	return verify.Hold{Client: client, Lock: c.lock, Stages: []verify.Stage{{Mode: rwlock.Write, Asked: c.now()}}}
}

// keys returns the keys of the lock, in the order of the queue.
func (c *control) keys(t *testing.T) []string {
	t.Helper()
	resp, err := c.client.Get(t.Context(), c.lock+"/", clientv3.WithPrefix(), clientv3.WithSort(clientv3.SortByCreateRevision, clientv3.SortAscend))
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, kv := range resp.Kvs {
		keys = append(keys, string(kv.Key))
	}
	return keys
}

// deleteFirst deletes the key that holds the lock, as an administrator does.
func (c *control) deleteFirst(t *testing.T) {
	t.Helper()
	if _, err := c.client.Delete(t.Context(), c.keys(t)[0]); err != nil {
		t.Fatal(err)
	}
}

// party is a client that holds the lock or waits for it.
type party struct {
	granted func(*testing.T, *control, *verify.Hold) // waits for the grant, and notes it
	told    <-chan struct{}                          // closes when it is notified of a loss; or nil, if it never is
	release func(*testing.T)
	signal  func(os.Signal)
	stopped bool
}

// untilTold returns when the client is notified of the loss, or at once if it never is.
func (p *party) untilTold() {
	if p.told != nil {
		<-p.told
	}
}

// newParty is a client in this process.
func newParty(t *testing.T, endpoint string, impl scenario.Impl, lock string) *party {
	t.Helper()
	conn, err := locks.Connect(t.Context(), etcdtest.Client(t, endpoint), time.Minute, impl)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Disconnect() })
	holds, failed := make(chan locks.Hold, 1), make(chan error, 1)
	go func() {
		hold, err := conn.Locks.Acquire(t.Context(), locks.Request{Wants: []rwlock.LockRequest{{Name: lock, Mode: rwlock.Write}}})
		failed <- err
		holds <- hold
	}()
	p := &party{}
	p.granted = func(t *testing.T, c *control, seen *verify.Hold) {
		t.Helper()
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
		hold := <-holds
		if impl == "" { // the history of the others is not judged by tokens: their keys are not read
			seen.Stages[0].Token = hold.Token()
		}
		seen.Stages[0].Granted = c.now()
		if l, ok := hold.(interface{ Lost() <-chan struct{} }); ok {
			p.told = l.Lost()
		}
		p.release = func(*testing.T) { _ = hold.Unlock() } // which a lock of package rwlock refuses that was lost
	}
	return p
}

// newProcess is etcdctl, with a command that runs until it is told to end.
func newProcess(t *testing.T, etcdctl, endpoint, lock string) *party {
	t.Helper()
	pipe := filepath.Join(t.TempDir(), "end")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	u := &user{T: t}
	r := u.startOther(exec.Command(etcdctl, "--endpoints", endpoint, "lock", "--ttl", "2", lock, "--", "sh", "-c", "echo granted; read end <"+pipe))
	p := &party{}
	p.granted = func(t *testing.T, c *control, seen *verify.Hold) {
		t.Helper()
		r.until("granted")
		seen.Stages[0].Granted = c.now()
	}
	p.signal = func(sig os.Signal) {
		p.stopped = true
		if err := r.cmd.Process.Signal(sig); err != nil {
			t.Error(err)
		}
	}
	p.release = func(t *testing.T) {
		t.Helper()
		_ = r.cmd.Process.Signal(syscall.SIGCONT)
		if err := os.WriteFile(pipe, []byte("\n"), 0o600); err != nil { // opens when the command reads
			t.Error(err)
		}
		<-r.ended
	}
	return p
}
