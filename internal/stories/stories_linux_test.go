package stories

import (
	"slices"
	"strings"
	"syscall"
	"testing"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/servers"
)

// TestServers tells one story on an etcd of each version: a lock is held and waited for,
// released, taken, and lost by a holder that is killed; every command and the terminal UI
// say so.
func TestServers(t *testing.T) {
	if !*withServers {
		t.Skip("run with -servers")
	}
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			server(t, version) // it is built before another is
			t.Parallel()
			serverStory(t, version)
		})
	}
}

// serverStory tells the story on an etcd of a version.
func serverStory(t *testing.T, version string) {
	t.Helper()
	endpoint := startServer(t, server(t, version))
	client := etcdtest.Client(t, endpoint)
	u := newUser(t, "--endpoints", endpoint)
	story(u)
	var says []string
	for _, f := range servers.Faults(version) {
		says = append(says, "mended in "+f.MendedIn(version))
	}
	if len(says) > 0 {
		says = append([]string{"member member-1 runs etcd " + version}, says...)
	}
	u.says([]string{"why"}, says...)
	if _, err := client.Put(t.Context(), "/else", ""); err != nil { // a history ends at it only by progress or a read
		t.Error(err)
	}
	history := []string{"granted", "released"}
	if !servers.TellsProgress(version) {
		history = append(history, "unknown")
	}
	u.says([]string{"show", "/s/held", "--history"}, history...)
	u.says([]string{"simulate", "run", "four-clients", "--speed", "0.25"}, "got lock rw3", "released rlock for r4")
}

// TestMixedCluster: three members of different versions, of which one has faults.
func TestMixedCluster(t *testing.T) {
	if !*withServers {
		t.Skip("run with -servers")
	}
	mixed := []string{"3.6.4", "3.6.16", "3.7.3"}
	var servers []string
	for _, version := range mixed {
		servers = append(servers, server(t, version))
	}
	c := etcdtest.StartServers(t, len(mixed), servers)
	u := newUser(t, "--endpoints", strings.Join(c.Endpoints(), ","))
	story(u)
	u.says([]string{"why"}, "member member-1 runs etcd 3.6.4", "mended in 3.6.5", "mended in 3.6.14")
	u.says([]string{"simulate", "run", "four-clients", "--speed", "0.25"}, "got lock rw3", "released rlock for r4")
}

// story is of a lock that is held, waited for, released, and lost.
func story(u *user) {
	watch := u.start("watch", "/s/")
	watch.until("snapshot")
	ui := u.terminal("/s/")
	ui.WaitToShow("connected")
	holder := u.start("exec", "--ttl", "5s", "/s/held", "--", "cat")
	watch.until("granted", "/s/held")
	waiter := u.start("exec", "--ttl", "3s", "/s/held", "--", "sh", "-c", "echo got it; exec cat")
	waiter.until("waiting for /s/held: held by cat")
	watch.until("waiting")
	ui.WaitToShow("/s/held", "contended")
	u.says([]string{"ls", "/s/"}, "/s/held", "contended")
	u.says([]string{"show", "/s/held"}, "holding", "waiting")
	u.says([]string{"why", "/s/held"}, "holding", "why the last waiter waits", "what happens by itself")
	_ = holder.in.Close()
	holder.exits(0)
	waiter.until("acquired /s/held", "got it")
	watch.until("released", "granted")
	last := u.start("exec", "/s/held", "--", "echo", "after it")
	last.until("waiting for /s/held: held by sh")
	waiter.stop(syscall.SIGKILL)
	last.exits(0)
	last.until("acquired /s/held", "after it")
	watch.until("gone", "granted", "released")
	u.says([]string{"ls", "/s/"}, "no locks")
	ui.Press("q")
	if err := ui.Wait(); err != nil {
		u.Error(err)
	}
	watch.stop(syscall.SIGTERM)
	if slices.Contains(u.flags, "--user") {
		return
	}
	u.says([]string{"access", "--check"}, "list locks", "yes", "release locks", "yes")
}
