package stories

import (
	"errors"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"etcd-lock/internal/etcdtest"
)

// patroni is a node of a cluster of PostgreSQL.
type patroni struct {
	name, dir string
	config    string
	run       *running
}

const patroniConfig = `
scope: demo
namespace: /service/
name: NAME
restapi: {listen: 'REST', connect_address: 'REST'}
etcd3: {hosts: 'ETCD'}
bootstrap:
  dcs: {ttl: 20, loop_wait: 1, retry_timeout: 3, postgresql: {use_slots: false}}
  initdb: [auth: trust, encoding: UTF8]
  pg_hba: ['local all all trust', 'host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust']
postgresql:
  listen: 'PG'
  connect_address: 'PG'
  data_dir: DIR/data
  bin_dir: BIN
  pgpass: DIR/pgpass
  authentication: {superuser: {username: postgres, password: p}, replication: {username: replicator, password: p}}
  parameters: {unix_socket_directories: DIR, max_connections: 20, shared_buffers: 16MB, dynamic_shared_memory_type: mmap}
`

// other returns how to run a command as another user than root, which PostgreSQL refuses,
// and gives that user folders.
func other(t *testing.T, folders ...string) *syscall.SysProcAttr {
	t.Helper()
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() != 0 {
		return attr
	}
	nobody, err := osuser.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	uid, _ := strconv.ParseUint(nobody.Uid, 10, 32)
	gid, _ := strconv.ParseUint(nobody.Gid, 10, 32)
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	for _, dir := range folders {
		if err := errors.Join(os.Chown(dir, int(uid), int(gid)), os.Chmod(dir, 0o700), os.Chmod(filepath.Dir(dir), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	return attr
}

// startPatroni starts a node, with a PostgreSQL that ends with the test.
func startPatroni(u *user, name, address string, env []string, program, bin string) *patroni {
	u.Helper()
	p := &patroni{name: name, dir: u.TempDir()}
	p.config = filepath.Join(p.dir, "patroni.yml")
	replace := strings.NewReplacer("NAME", name, "ETCD", address, "REST", etcdtest.FreeAddr(u.T), "PG", etcdtest.FreeAddr(u.T), "DIR", p.dir, "BIN", bin)
	if err := os.WriteFile(p.config, []byte(replace.Replace(patroniConfig)), 0o644); err != nil {
		u.Fatal(err)
	}
	cmd := exec.Command("/usr/bin/python3", program, p.config)
	cmd.Env, cmd.Dir = slices.Concat(env, []string{"HOME=" + p.dir}), p.dir
	cmd.SysProcAttr = other(u.T, p.dir)
	u.Cleanup(func() { p.killPostgres(u.T) })
	p.run = u.startOther(cmd)
	return p
}

// killPostgres ends a PostgreSQL that Patroni has left behind.
func (p *patroni) killPostgres(t *testing.T) {
	t.Helper()
	path := filepath.Join(p.dir, "data/postmaster.pid")
	file, err := os.ReadFile(path)
	if err != nil {
		return
	}
	first, _, _ := strings.Cut(string(file), "\n")
	if pid, err := strconv.Atoi(first); err == nil {
		_ = syscall.Kill(pid, syscall.SIGQUIT)
	}
	etcdtest.Eventually(t, "PostgreSQL has ended", func() bool {
		_, err := os.Stat(path)
		return os.IsNotExist(err)
	})
}

// find returns the first file that a pattern finds below one of the roots.
func find(t *testing.T, roots []string, pattern string) string {
	t.Helper()
	for _, root := range roots {
		if found, _ := filepath.Glob(filepath.Join(root, pattern)); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	t.Fatalf("no %s in %q", pattern, roots)
	return ""
}

// TestRealPatroni: two nodes of PostgreSQL, of which one leads. The leader stops, and the
// other takes over. Only Patroni releases its lock.
func TestRealPatroni(t *testing.T) {
	u, address := onEtcd(t)
	env, roots := debs(t, "patroni", "python3-etcd", "postgresql")
	program, bin := find(t, roots, "usr/bin/patroni"), filepath.Dir(find(t, roots, "usr/lib/postgresql/*/bin/initdb"))
	f := foreign{user: u, name: "/service/demo/leader", layout: "patroni", why: "candidates, by their own keys: "}
	leader := startPatroni(u, "pg1", address, env, program, bin)
	leader.run.until("I am (pg1), the leader with the lock")
	replica := startPatroni(u, "pg2", address, env, program, bin)
	replica.run.until("a secondary, and following a leader (pg1)")
	f.owner = `"label": "pg1"`
	f.why += "pg2"
	f.held(0)
	f.refuses("patronictl failover demo")
	leader.run.stop(syscall.SIGTERM)
	replica.run.until("I am (pg2), the leader with the lock")
	f.owner, f.why = `"label": "pg2"`, ""
	f.held(0)
	replica.run.stop(syscall.SIGTERM)
	etcdtest.Eventually(u, "nobody leads", func() bool { return len(f.show().Locks) == 0 })
}
