package cli

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/flight"
	"etcd-lock/internal/layout"
	"etcd-lock/rwlock"
)

// TestScripts tells users' stories, each with an etcd of its own at $ENDPOINT.
func TestScripts(t *testing.T) {
	t.Parallel()
	runScripts(t, "testdata/script")
}

// runScripts runs the scripts of a folder.
func runScripts(t *testing.T, dir string) {
	t.Helper()
	testscript.Run(t, testscript.Params{
		Dir:   dir,
		Setup: setup,
		// Else the folder stays if only some of the scripts run.
		WorkdirRoot: t.TempDir(),
		Condition:   condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":       cmdExits,
			"request":     cmdRequest,
			"put":         cmdPut,
			"service":     cmdService,
			"mutexes":     cmdMutexes,
			"detach":      cmdDetach,
			"resolve":     cmdResolve,
			"secure":      cmdSecure,
			"interrupt":   cmdInterrupt,
			"del":         cmdDel,
			"compact":     cmdCompact,
			"churn":       cmdChurn,
			"appears":     cmdAppears,
			"recorded":    cmdRecorded,
			"written":     cmdWritten,
			"tear":        cmdTear,
			"lease":       cmdLease,
			"lockservice": cmdLockService,
			"proxy":       cmdProxy,
		},
	})
}

func setup(env *testscript.Env) error {
	member, err := etcd.StartEmbedded(context.Background(), etcd.EmbeddedConfig{})
	if err != nil {
		return err
	}
	env.Defer(member.Close)
	env.Setenv("ENDPOINT", member.Endpoint())
	env.Setenv("ADDRESS", strings.TrimPrefix(member.Endpoint(), "http://"))
	env.Setenv("GORACE", "atexit_sleep_ms=0") // else each command under -race takes a second more
	// A story's clients end before its etcd does.
	t := &storyT{TB: env.T().(testing.TB), env: env}
	env.Values["story"] = t
	env.Values["locks"] = &locks{tb: t, client: etcdtest.Client(t, member.Endpoint())}
	return nil
}

// storyT cleans up at the end of a story.
type storyT struct {
	testing.TB
	env *testscript.Env
}

func (t *storyT) Cleanup(f func()) { t.env.Defer(f) }

// cmdExits runs a command that must exit with a code: exits CODE PROGRAM ARGS.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil || neg {
		ts.Fatalf("usage: exits code program args...")
	}
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exited with %d, want %d", code, want)
	}
}

// cmdRequest asks for a lock: request read|write|mutex NAME [LABEL].
func cmdRequest(ts *testscript.TestScript, _ bool, args []string) {
	l := ts.Value("locks").(*locks)
	if args[0] == "mutex" {
		l.mutex(args[1])
		return
	}
	l.request(args[0], args[1], args[2])
}

// cmdPut writes a key, named as a Go string says it, on a lease of that TTL if one is given:
// put KEY VALUE [SECONDS].
func cmdPut(ts *testscript.TestScript, _ bool, args []string) {
	key, err := strconv.Unquote(`"` + args[0] + `"`)
	ts.Check(err)
	client := ts.Value("locks").(*locks).client
	var opts []clientv3.OpOption
	if len(args) > 2 {
		ttl, err := strconv.ParseInt(args[2], 10, 64)
		ts.Check(err)
		lease, err := client.Grant(context.Background(), ttl)
		ts.Check(err)
		opts = append(opts, clientv3.WithLease(lease.ID))
	}
	_, err = client.Put(context.Background(), key, args[1], opts...)
	ts.Check(err)
}

// cmdSecure starts a member with TLS at $SECURE, by an authority in $CA, with
// auth on and requests made there from now on: secure KIND. The kinds are
// passwords, certs, and expired and elsewhere, whose certificates are no good.
func cmdSecure(ts *testscript.TestScript, _ bool, args []string) {
	t := ts.Value("story").(*storyT)
	certs := args[0] == "certs"
	s := etcdtest.StartSecure(t, certs)
	other := etcdtest.NewAuthority(t)
	switch args[0] {
	case "passwords", "certs":
		enableAuth(ts, t, s, certs)
	case "expired":
		s.Endpoint = startWith(t, s.Authority, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	case "elsewhere":
		s.Endpoint = startWith(t, s.Authority, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1)} })
	default:
		ts.Fatalf("secure %s: no such kind", args[0])
	}
	ts.Setenv("SECURE", s.Endpoint)
	ts.Setenv("HOSTPORT", strings.TrimPrefix(s.Endpoint, "https://"))
	ts.Setenv("CA", s.Authority.CA)
	ts.Setenv("OTHERCA", other.CA)
	cert, key := other.Issue("viewer")
	ts.Setenv("OTHERCERT", cert)
	ts.Setenv("OTHERKEY", key)
}

// enableAuth has users, with certificates in $CERT_name and $KEY_name if these
// are how to log in.
func enableAuth(ts *testscript.TestScript, t *storyT, s *etcdtest.Secure, certs bool) {
	first := ""
	if certs {
		first = "root"
		for _, user := range []string{"root", "viewer", "stranger"} {
			cert, key := s.Authority.Issue(user)
			ts.Setenv("CERT_"+user, cert)
			ts.Setenv("KEY_"+user, key)
		}
	}
	etcdtest.EnableAuth(t, s.Client(first), map[string][]etcdtest.Grant{
		"viewer": {etcdtest.Read("/a/")},
		"tester": {etcdtest.ReadWrite("/a/")},
		"both":   {etcdtest.Read("/app1/"), etcdtest.Read("/zoo/")},
		"one":    {etcdtest.Read("/app1/")},
		"leader": {etcdtest.ReadKey("com.coreos.airlock/groups/g/v1/semaphore"), etcdtest.ReadKey("/service/demo/leader")},
		"nobody": nil,
	})
	ts.Value("locks").(*locks).client = s.Client("root")
}

func startWith(t *storyT, a *etcdtest.Authority, change func(*x509.Certificate)) string {
	cert, key := a.Issue("changed", change)
	return etcdtest.Start(t, func(c *etcd.EmbeddedConfig) { c.TLS = etcd.ServerTLS{Cert: cert, Key: key} })
}

// cmdDel deletes a key: del KEY.
func cmdDel(ts *testscript.TestScript, _ bool, args []string) {
	_, err := ts.Value("locks").(*locks).client.Delete(context.Background(), args[0])
	ts.Check(err)
}

// cmdCompact makes etcd forget what was before a revision: compact REVISION.
func cmdCompact(ts *testscript.TestScript, _ bool, args []string) {
	revision, err := strconv.ParseInt(args[0], 10, 64)
	if err == nil {
		_, err = ts.Value("locks").(*locks).client.Compact(context.Background(), revision)
	}
	ts.Check(err)
}

// cmdChurn takes and releases a lock until the story ends: churn NAME.
func cmdChurn(ts *testscript.TestScript, _ bool, args []string) {
	client := ts.Value("locks").(*locks).client
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_, _ = client.Put(ctx, args[0]+"/write/1", "") // what is wrong shows by nothing happening
			_, _ = client.Delete(ctx, args[0]+"/write/1")
		}
	}()
	ts.Defer(func() { stop(); <-done })
}

// cmdService has a client of one session hold a lock and ask for a mutex once
// somebody else holds that: service LABEL LOCK MUTEX.
func cmdService(ts *testscript.TestScript, _ bool, args []string) {
	l := ts.Value("locks").(*locks)
	s := etcdtest.Session(l.tb, l.client, sessionTTL)
	l.inBackground(args[1], rwlock.NewRWMutex(s, args[1], rwlock.WithLabel(args[0])).RWLock)
	l.start(func(ctx context.Context) error {
		for range l.client.Watch(ctx, args[2]+"/", clientv3.WithPrefix(), clientv3.WithFilterDelete()) {
			break
		}
		return concurrency.NewMutex(s, args[2]).Lock(ctx)
	})
}

// cmdMutexes has a client of one session hold a mutex and ask for another one once
// somebody has a key there: mutexes HELD WANTED.
func cmdMutexes(ts *testscript.TestScript, _ bool, args []string) {
	l := ts.Value("locks").(*locks)
	s := etcdtest.Session(l.tb, l.client, sessionTTL)
	l.inBackground(args[0], concurrency.NewMutex(s, args[0]).Lock)
	l.start(func(ctx context.Context) error {
		etcdtest.Eventually(l.tb, "a key below "+args[1], func() bool { return ctx.Err() != nil || l.below(args[1]+"/") > 0 })
		return concurrency.NewMutex(s, args[1]).Lock(ctx)
	})
}

// cmdDetach takes the lease off the first request for a lock: detach NAME.
func cmdDetach(ts *testscript.TestScript, _ bool, args []string) {
	client := ts.Value("locks").(*locks).client
	resp, err := client.Get(context.Background(), args[0]+"/", clientv3.WithFirstCreate()...)
	ts.Check(err)
	_, err = client.Put(context.Background(), string(resp.Kvs[0].Key), "value")
	ts.Check(err)
}

// cmdInterrupt sends SIGINT twice at once to the command in the background. The first may end
// it before the second.
func cmdInterrupt(ts *testscript.TestScript, _ bool, _ []string) {
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(os.Interrupt))
		if err := cmd.Process.Signal(os.Interrupt); !errors.Is(err, os.ErrProcessDone) {
			ts.Check(err)
		}
	}
}

// cmdResolve carries out the first remedy of the first finding of the JSON that
// the last command printed.
func cmdResolve(ts *testscript.TestScript, _ bool, _ []string) {
	var doc struct{ Findings []findingDoc }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &doc))
	ts.Check(ts.Exec("etcd-lock", append(doc.Findings[0].Remedies[0].Args, "--yes")...))
}

// cmdAppears waits until there is a key: appears PREFIX.
func cmdAppears(ts *testscript.TestScript, _ bool, args []string) {
	l := ts.Value("locks").(*locks)
	etcdtest.Eventually(l.tb, "a key below "+args[0], func() bool { return l.below(args[0]) > 0 })
}

// cmdRecorded waits until a recording has etcd's current revision: recorded DIR.
func cmdRecorded(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: recorded dir")
	}
	l := ts.Value("locks").(*locks)
	resp, err := l.client.Get(context.Background(), "x")
	ts.Check(err)
	etcdtest.Eventually(l.tb, "a recording of the current revision", func() bool {
		r, err := flight.Open(ts.MkAbs(args[0]), layout.Builtin())
		if err != nil {
			return false
		}
		m, err := r.End()
		return err == nil && m.Snapshot.Revision >= resp.Header.Revision
	})
}

// cmdTear cuts off the last bytes of a file: tear FILE.
func cmdTear(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: tear file")
	}
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), info.Size()-9))
}

// cmdWritten waits until a file has a whole line, with a text in it: written FILE [TEXT].
func cmdWritten(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: written file [text]")
	}
	l := ts.Value("locks").(*locks)
	etcdtest.Eventually(l.tb, "a line in "+strings.Join(args, " with "), func() bool {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		return err == nil && bytes.HasSuffix(text, []byte("\n")) && bytes.Contains(text, []byte(strings.Join(args[1:], "")))
	})
}
