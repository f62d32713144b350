package cli

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/ptytest"
)

// mostKeys leaves three seconds for each key, to be done in two minutes.
const mostKeys = 40

// TestIncident makes the last incident of docs/incidents.md by its script, and resolves all
// five of its parts in the terminal UI, on a small screen, as a user does: by reading what
// is shown, and by keys alone.
func TestIncident(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.StartProcess(t).Endpoint
	client := etcdtest.Client(t, endpoint)
	script, said := startIncident(t, endpoint)
	l := &locks{tb: t, client: client}
	for _, name := range []string{"/orders", "/stock", "/invoices", "/backup", "/legacy", "/ledger", "/audit"} {
		etcdtest.Eventually(t, "two requests for "+name, func() bool { return l.count(name) == 2 })
	}
	etcdtest.Eventually(t, "a crowd", func() bool { return l.count("/reports/daily") == 201 })

	cmd := terminalCmd("xterm-256color", t.TempDir(), "tui", "--endpoints", endpoint)
	u := &operator{Terminal: ptytest.Start(t, cmd, 80, 24), t: t}
	u.WaitToShow("✗2")
	u.press("3")
	u.resolve("deadlock", " +2", "cancels its wait for write")
	u.resolve("no-lease", "/legacy", "releases write /legacy")
	u.WaitToShow("!4") // after the 30 seconds from which on a wait is long
	u.resolve("long-wait", "/ledger", "releases write /ledger")
	u.resolve("long-wait", "/backup", "releases write /backup")
	u.resolve("long-wait", "/reports/daily", "releases write /reports/daily")
	if u.keys > mostKeys {
		t.Errorf("that took %d keys, want at most %d", u.keys, mostKeys)
	}

	if err := <-script; err != nil {
		t.Errorf("the script: %v: %s", err, said)
	}
	left, err := client.Get(t.Context(), "/", clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil || len(left.Kvs) > 0 {
		t.Errorf("left in etcd: %v, %v", left, err)
	}
	u.Press(quitKey)
	if err := u.Wait(); err != nil {
		t.Error(err)
	}
}

// startIncident runs the script of the document. It ends by itself once nobody is stuck.
func startIncident(t *testing.T, endpoint string) (ended <-chan error, said *strings.Builder) {
	t.Helper()
	doc, err := os.ReadFile("../../docs/incidents.md")
	if err != nil {
		t.Fatal(err)
	}
	_, script, _ := strings.Cut(string(doc), "\n## 11. ")
	_, script, _ = strings.Cut(script, "\n```sh\n")
	script, _, whole := strings.Cut(script, "\n```\n")
	if !whole {
		t.Fatal("docs/incidents.md has no script of the last incident")
	}
	said = &strings.Builder{}
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "ETCDCTL_ENDPOINTS="+endpoint, "GORACE=atexit_sleep_ms=0")
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- cmd.Wait()
		close(done)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) // all of it has ended, unless the test failed
		<-done
	})
	return done, said
}

// operator is a user who reads what is on the screen, and counts the keys.
type operator struct {
	*ptytest.Terminal
	t    *testing.T
	keys int
}

// press presses keys, one for each character.
func (u *operator) press(keys string) {
	u.t.Helper()
	u.keys += len(keys)
	u.Press(keys)
}

// resolve goes to the problem of that kind of a lock, and applies what is proposed there if
// that is what is wanted.
func (u *operator) resolve(kind, lock, does string) {
	u.t.Helper()
	u.goTo(kind, lock)
	u.WaitToShow("ctrl+k apply")
	u.press("\x0b")
	u.WaitToShow(does, "[ No ]")
	u.press("y")
	u.WaitUntil(kind+" of "+lock+" resolved", func(screen string) bool {
		_, wanted := problemRows(screen, kind, lock)
		return strings.Contains(screen, "details and fixes") && (wanted == "" || strings.Contains(wanted, "✓"))
	})
}

// goTo moves the cursor to a problem, as far as it is away.
func (u *operator) goTo(kind, lock string) {
	u.t.Helper()
	for range 5 { // a row that comes or goes meanwhile changes the way
		away := 0
		u.WaitUntil(kind+" of "+lock, func(screen string) bool {
			var wanted string
			away, wanted = problemRows(screen, kind, lock)
			return wanted != ""
		})
		if away == 0 {
			return
		}
		key := "j"
		if away < 0 {
			key, away = "k", -away
		}
		before := u.Shown()
		u.press(strings.Repeat(key, away))
		u.WaitUntil("a move of the cursor", func(screen string) bool { return cursorRow(screen) != cursorRow(before) })
	}
	u.t.Fatalf("no way to %s of %s: %s", kind, lock, u.Shown())
}

// cursorRow returns the row that the cursor is on.
func cursorRow(screen string) string {
	for line := range strings.Lines(screen) {
		if strings.HasPrefix(line, ">") {
			return line
		}
	}
	return ""
}

// problemRows returns the row of a problem, empty if there is none, and how far below the
// cursor it is.
func problemRows(screen, kind, lock string) (below int, wanted string) {
	lines := strings.Split(screen, "\n")
	cursor := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, ">") })
	row := slices.IndexFunc(lines, func(l string) bool {
		return strings.Contains(l, " "+kind+" ") && strings.Contains(l, lock+" ")
	})
	if cursor < 0 || row < 0 {
		return 0, ""
	}
	return row - cursor, lines[row]
}
