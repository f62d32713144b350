package stories

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/ptytest"
)

// user runs the program with the same global flags.
type user struct {
	*testing.T
	path  string
	flags []string
}

func newUser(t *testing.T, flags ...string) *user {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return &user{T: t, path: path, flags: flags}
}

func (u *user) command(args ...string) *exec.Cmd {
	cmd := exec.Command(u.path, append(append([]string{}, u.flags...), args...)...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "LC_ALL=C.UTF-8", "XDG_CONFIG_HOME="+u.TempDir())
	return cmd
}

// says runs a command to its end, which must succeed, and checks that it prints these
// texts in this order.
func (u *user) says(args []string, texts ...string) {
	u.Helper()
	out, err := u.command(args...).CombinedOutput()
	if err != nil {
		u.Errorf("%q: %v: %s", args, err, out)
	}
	rest := string(out)
	for _, text := range texts {
		_, after, found := strings.Cut(rest, text)
		if !found {
			u.Errorf("%q does not say %q in its turn: %s", args, text, out)
			return
		}
		rest = after
	}
}

// running is a command that has been started.
type running struct {
	u    *user
	cmd  *exec.Cmd
	in   io.WriteCloser
	said *buffer
	done chan error

	ended chan struct{} // closed when it has
}

// start starts a command. When the test ends, it is killed.
func (u *user) start(args ...string) *running {
	u.Helper()
	return u.startOther(u.command(args...))
}

// startOther starts any program. When the test ends, it is killed.
func (u *user) startOther(cmd *exec.Cmd) *running {
	u.Helper()
	r := &running{u: u, cmd: cmd, said: &buffer{}, done: make(chan error, 1), ended: make(chan struct{})}
	r.cmd.Stdout, r.cmd.Stderr = r.said, r.said
	in, err := r.cmd.StdinPipe()
	if err == nil {
		err = r.cmd.Start()
	}
	if err != nil {
		u.Fatal(err)
	}
	r.in = in
	go func() {
		defer close(r.ended)
		r.done <- r.cmd.Wait()
	}()
	u.Cleanup(func() {
		_ = in.Close()
		_ = r.cmd.Process.Kill()
		<-r.ended
	})
	return r
}

// until waits until the command has printed these texts in this order. A text may be
// several, separated by |, of which it must print one.
func (r *running) until(texts ...string) {
	r.u.Helper()
	defer func() {
		if r.u.Failed() {
			r.u.Logf("%q has said: %s", r.cmd.Args, r.said.String())
		}
	}()
	for from := 0; len(texts) > 0; texts = texts[1:] {
		var found []int
		text := regexp.MustCompile(alternatives(texts[0]))
		etcdtest.Eventually(r.u, strings.Join(r.cmd.Args[1:], " ")+": "+texts[0], func() bool {
			over := r.isOver() // before what it has said is looked at
			found = text.FindStringIndex(r.said.String()[from:])
			if found == nil && over {
				r.u.Fatalf("%q has ended without saying %q", r.cmd.Args, texts[0])
			}
			return found != nil
		})
		from += found[1]
	}
}

// alternatives returns a pattern for one of the texts that are separated by |.
func alternatives(texts string) string {
	return strings.ReplaceAll(regexp.QuoteMeta(texts), `\|`, "|")
}

func (r *running) isOver() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// exits waits for the end of the command, which must be with that code.
func (r *running) exits(code int) {
	r.u.Helper()
	<-r.done
	if got := r.cmd.ProcessState.ExitCode(); got != code {
		r.u.Errorf("%q: exit %d, want %d: %s", r.cmd.Args[1:], got, code, r.said.String())
	}
}

// stop ends the command by a signal.
func (r *running) stop(sig os.Signal) {
	if err := r.cmd.Process.Signal(sig); err != nil {
		r.u.Error(err)
	}
	<-r.done
}

// terminal runs the terminal UI.
func (u *user) terminal(args ...string) *ptytest.Terminal {
	return ptytest.Start(u, u.command(append([]string{"tui"}, args...)...), 200, 40)
}

// buffer is a buffer that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
