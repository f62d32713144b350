package stories

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
)

// TestLoginsExpire: a login that is not used for a second is not valid any more. The
// terminal UI, watch, a waiting exec and a lock that is held go on nevertheless.
func TestLoginsExpire(t *testing.T) {
	t.Parallel()
	endpoint := loginsThatExpire(t)
	u := newUser(t, "--endpoints", endpoint, "--user", "app:"+etcdtest.Password)
	goesOn(u, endpoint)
}

// TestLoginsExpireBehindProxy: behind etcd's grpc-proxy what only reads goes on too. A
// lock is lost, because the proxy renews no session: exec says so before it begins, and
// why when the lock is lost.
func TestLoginsExpireBehindProxy(t *testing.T) {
	t.Parallel()
	endpoint := loginsThatExpire(t)
	proxy := etcdtest.StartGRPCProxy(t, []string{endpoint})
	u := newUser(t, "--endpoints", proxy, "--user", "app:"+etcdtest.Password)
	watch := u.start("watch", "/app/")
	watch.until("snapshot")
	ui := u.terminal("/app/")
	ui.WaitToShow("connected", "via a proxy")
	e := u.start("exec", "--ttl", "4s", "/app/held", "--", "sleep", "60")
	e.until("renews no session", "was not renewed in time: terminating the command", "why it was not renewed: ")
	e.exits(4)
	ui.WaitToShow("not held")
	put(t, endpoint, "/app/new/write/1")
	watch.until("granted", "/app/new")
	ui.WaitToShow("/app/new")
	u.says([]string{"ls", "/app/"}, "/app/new")
	watch.stop(syscall.SIGTERM)
}

// TestLoginsExpireOnServers is TestLoginsExpire on old servers.
func TestLoginsExpireOnServers(t *testing.T) {
	if !*withServers {
		t.Skip("run with -servers")
	}
	for _, version := range []string{"3.4.23", "3.5.35"} {
		t.Run(version, func(t *testing.T) {
			endpoint := startServer(t, server(t, version), "--auth-token-ttl", "1")
			etcdtest.EnableAuth(t, etcdtest.Client(t, endpoint), map[string][]etcdtest.Grant{"app": {etcdtest.ReadWrite("/app/")}})
			goesOn(newUser(t, "--endpoints", endpoint, "--user", "app:"+etcdtest.Password), endpoint)
		})
	}
}

// loginsThatExpire starts an etcd on which a login that is not used lasts for a second,
// with a user app.
func loginsThatExpire(t *testing.T) (endpoint string) {
	t.Helper()
	endpoint = etcdtest.Start(t, func(c *etcd.EmbeddedConfig) { c.TokenTTL = time.Second })
	etcdtest.EnableAuth(t, etcdtest.Client(t, endpoint), map[string][]etcdtest.Grant{"app": {etcdtest.ReadWrite("/app/")}})
	return endpoint
}

// goesOn has a lock held and waited for until the logins have expired several times.
func goesOn(u *user, endpoint string) {
	u.Helper()
	watch := u.start("watch", "/app/")
	watch.until("snapshot")
	ui := u.terminal("/app/")
	ui.WaitToShow("connected")
	holder := u.start("exec", "--ttl", "5s", "/app/held", "--", "cat")
	watch.until("granted")
	waiter := u.start("exec", "--ttl", "5s", "/app/held", "--", "echo", "got it")
	waiter.until("waiting for /app/held")
	begun := time.Now()
	etcdtest.Eventually(u, "the TTL is over twice", func() bool { return time.Since(begun) > 11*time.Second })
	u.says([]string{"ls", "/app/"}, "/app/held", "contended")
	put(u.T, endpoint, "/app/new/write/1")
	watch.until("/app/new")
	ui.WaitToShow("/app/new")
	_ = holder.in.Close()
	holder.exits(0)
	waiter.exits(0)
	waiter.until("got it")
	watch.until("released", "granted", "released")
	watch.stop(syscall.SIGTERM)
}

func put(t *testing.T, endpoint, key string) {
	t.Helper()
	root := etcdtest.Connect(t, etcd.Config{Endpoints: []string{endpoint}, User: "root", Password: etcdtest.Password, DialTimeout: 10 * time.Second})
	if _, err := root.Put(t.Context(), key, ""); err != nil {
		t.Fatal(err)
	}
}

// TestSignedLogins is the same with logins that are signed, and end after two seconds
// whether they are used or not.
func TestSignedLogins(t *testing.T) {
	if !*withServers {
		t.Skip("run with -servers")
	}
	private, public := signingKey(t)
	endpoint := startServer(t, server(t, "3.7.3"), "--auth-token", "jwt,sign-method=RS256,ttl=2s,pub-key="+public+",priv-key="+private)
	etcdtest.EnableAuth(t, etcdtest.Client(t, endpoint), map[string][]etcdtest.Grant{"app": {etcdtest.ReadWrite("/app/")}})
	goesOn(newUser(t, "--endpoints", endpoint, "--user", "app:"+etcdtest.Password), endpoint)
}

// signingKey writes a key with which etcd signs logins.
func signingKey(t *testing.T) (private, public string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("private.pem", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), write("public.pem", "PUBLIC KEY", der)
}
