package stories

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"etcd-lock/internal/etcdtest"
)

// foreign is a lock that other software keeps in etcd, and what should be said of it.
type foreign struct {
	*user
	name    string // of the lock
	layout  string
	queue   bool   // waiters are recorded
	owner   string // part of the holder's owner as JSON; empty: nobody knows
	why     string // part of what why says
	expires bool   // the lock of a killed client ends within seconds

	client func(who string) *exec.Cmd // takes the lock: prints waiting, held; releases it after a line, prints released
}

// shown is what show -o json prints.
type shown struct {
	Locks []struct {
		Layout  string
		State   string
		Waiters *int
		Queue   []struct {
			State string
			Owner json.RawMessage
			Key   string
		}
	}
}

func (f *foreign) show() (s shown) {
	f.Helper()
	out, err := f.command("show", f.name, "-o", "json").Output()
	if err == nil {
		err = json.Unmarshal(out, &s)
	}
	if err != nil {
		f.Fatalf("show %s: %v: %s", f.name, err, out)
	}
	return s
}

// refuses checks that the lock is not released, and the product's command is named.
func (f *foreign) refuses(command string) {
	f.Helper()
	out, err := f.command("release", f.name, "--holder", "--yes").CombinedOutput()
	if err == nil || !strings.Contains(string(out), command) {
		f.Errorf("release: %v: %s", err, out)
	}
}

// held checks what is said of the lock while it is held, with so many waiters.
func (f *foreign) held(waiters int) {
	f.Helper()
	s := f.show()
	if len(s.Locks) != 1 || len(s.Locks[0].Queue) == 0 {
		f.Fatalf("%s is held, and shown is %+v", f.name, s)
	}
	lock := s.Locks[0]
	if lock.Layout != f.layout || lock.Queue[0].State != "holding" || !strings.Contains(string(lock.Queue[0].Owner), f.owner) {
		f.Errorf("%s is shown as %s, %s, of %s", f.name, lock.Layout, lock.Queue[0].State, lock.Queue[0].Owner)
	}
	switch {
	case f.owner == "" && len(lock.Queue[0].Owner) > 0:
		f.Errorf("the owner of %s is not known, and shown is %s", f.name, lock.Queue[0].Owner)
	case f.queue && (lock.Waiters == nil || *lock.Waiters != waiters):
		f.Errorf("%s has %d waiters, and shown are %v", f.name, waiters, lock.Waiters)
	case !f.queue && lock.Waiters != nil:
		f.Errorf("nobody knows who waits for %s, and shown are %d", f.name, *lock.Waiters)
	}
	f.says([]string{"why", f.name}, f.layout, f.why)
}

// free waits until nobody holds the lock.
func (f *foreign) free() {
	f.Helper()
	etcdtest.Eventually(f, f.name+" is free", func() bool { return len(f.show().Locks) == 0 })
}

// start starts a client, which asks for the lock.
func (f *foreign) start(who string) *running {
	f.Helper()
	r := f.startOther(f.client(who))
	r.until("waiting")
	return r
}

// story: the lock is held and waited for, released, taken by the one that waits and taken
// away from that by force. The last to hold it is killed.
func (f *foreign) story() {
	f.Helper()
	holder := f.start("first")
	holder.until("held")
	f.held(0)
	waiter := f.start("second")
	if f.queue {
		etcdtest.Eventually(f, "one more waits for "+f.name, func() bool { s := f.show(); return len(s.Locks) == 1 && len(s.Locks[0].Queue) == 2 })
	}
	f.held(1)
	holder.line()
	holder.until("released")
	waiter.until("held")
	f.held(0)
	f.says([]string{"release", f.name, "--holder", "--yes"}, "released")
	f.free()
	last := f.start("last")
	last.until("held")
	f.held(0)
	last.stop(syscall.SIGKILL)
	if f.expires {
		f.free()
	}
}

// line gives a command a line of input.
func (r *running) line() {
	if _, err := r.in.Write([]byte("\n")); err != nil {
		r.u.Error(err)
	}
}

// newest is the etcd for real programs. One in the test binary serves no JSON at times.
const newest = "3.7.3"

// onEtcd returns an etcd for a real program.
func onEtcd(t *testing.T) (u *user, address string) {
	t.Helper()
	if !*withReal {
		t.Skip("run with -real")
	}
	path, err := obtain("etcd", newest)
	tallies.programs.had(t, "etcd "+newest, err)
	address = startServer(t, path)
	return newUser(t, "--endpoints", address), address
}

func source(t *testing.T, file string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata/real", file))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRealPython: the lock libraries of Python.
func TestRealPython(t *testing.T) {
	for _, tt := range []struct {
		pkg, ttl string
		foreign  foreign
	}{
		{"python3-etcd3", "5", foreign{name: "/locks/jobs/nightly", layout: "python-etcd3", owner: `"host": "node `, expires: true}},
		{"python3-etcd3gw", "5", foreign{name: "/locks/jobs/nightly", layout: "etcd3gw", owner: `"host": "node `, expires: true}},
		{"python3-tooz", "6", foreign{name: "/tooz/locksjobs-nightly", layout: "tooz", expires: true}},
	} {
		t.Run(tt.pkg, func(t *testing.T) {
			u, address := onEtcd(t)
			env, _ := debs(t, tt.pkg)
			f := tt.foreign
			f.user, f.why = u, "leave no key while they wait"
			short := strings.TrimPrefix(strings.TrimPrefix(f.name, "/locks/"), "/tooz/locks")
			f.client = func(string) *exec.Cmd {
				cmd := exec.Command("/usr/bin/python3", source(t, tt.pkg+".py"), address, short, tt.ttl)
				cmd.Env = env
				return cmd
			}
			f.story()
		})
	}
}

// TestRealNode: locks and elections of npm's etcd3. Nothing distinguishes its locks from
// other keys, so that they need a rule of the user.
func TestRealNode(t *testing.T) {
	u, address := onEtcd(t)
	dir := npm(t, "etcd3@1.1.2")
	script, err := os.ReadFile(source(t, "node-etcd3.js"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "client.js"), script, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	client := func(name, what string) func(string) *exec.Cmd {
		return func(string) *exec.Cmd {
			return exec.Command("node", filepath.Join(dir, "client.js"), address, name, "5", what)
		}
	}
	lock := foreign{user: u, name: "/jobs/nightly", layout: "lock-keys", expires: true, client: client("/jobs/nightly", "lock"), why: "leave no key while they wait"}
	lock.flags = append(slices.Clip(u.flags), "--lock-keys", "/jobs/*")
	lock.story()
	election := foreign{
		user: u, name: "election/singleton", layout: "node-etcd3-election", queue: true, expires: true,
		owner: `"label": "candidate-`, client: client("singleton", "election"),
	}
	election.story()
}

// TestRealVitess: locks and elections of Vitess's topology.
func TestRealVitess(t *testing.T) {
	u, address := onEtcd(t)
	path := goProgram(t, "vitess", ".", "vitess.io/vitess@v0.24.4")
	for _, f := range []foreign{
		{name: "/vitess/global/keyspaces/commerce", layout: "vitess", owner: `"label": "SwitchTraffic (user `, why: "not renewed"},
		{name: "/vitess/global/internal/named_locks/orphans", layout: "vitess-named-lock", owner: `"label": "orphan collector (user `, why: "24 h"},
		{name: "/vitess/global/elections/vtorc", layout: "vitess-election", owner: `"label": "candidate"`},
	} {
		what := map[string]string{"vitess": "keyspace", "vitess-named-lock": "named", "vitess-election": "election"}[f.layout]
		t.Run(f.layout, func(t *testing.T) {
			f.user, f.queue = u.with(t), true
			f.client = func(string) *exec.Cmd {
				return exec.Command(path, address, filepath.Base(f.name), "30", what)
			}
			f.story()
		})
	}
}

// with returns the user in a part of the test.
func (u *user) with(t *testing.T) *user {
	t.Helper()
	return &user{T: t, path: u.path, flags: u.flags}
}
