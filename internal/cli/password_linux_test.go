package cli

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/ptytest"
)

// TestPasswordPrompt runs a command in a terminal, which asks for the password
// there, does not show it, and is as before however that ends.
func TestPasswordPrompt(t *testing.T) {
	s := etcdtest.StartSecure(t, false)
	etcdtest.EnableAuth(t, s.Client(""), map[string][]etcdtest.Grant{"viewer": {etcdtest.Read("/a/")}})
	ls := []string{"ls", "/a/", "--endpoints", s.Endpoint, "--cacert", s.Authority.CA, "--user", "viewer", "--dial-timeout", "20s"}
	tests := []struct {
		name, keys, want string
		code             int
	}{
		{"OK", etcdtest.Password + "\n", "no locks below /a/", 0},
		{"Wrong", "guess\n", `does not accept user "viewer" with this password`, 1},
		{"Nothing", "\n", "no password entered", 2},
		{"Interrupted", "\x03", "interrupted", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tm := startTerminal(t, t.TempDir(), ls...)
			tm.WaitFor("Password of viewer at " + s.Endpoint + ": ")
			etcdtest.Eventually(t, "the terminal shows no keys", func() bool { return !echoes(t, tm) })
			tm.Press(tt.keys)
			var shown strings.Builder
			for text := range tm.Output {
				shown.WriteString(text)
			}
			if !strings.Contains(shown.String(), tt.want) || strings.Contains(shown.String(), strings.TrimSpace(tt.keys)) && tt.code < 2 {
				t.Errorf("shown %q, want %q and not the keys", shown.String(), tt.want)
			}
			var exit *exec.ExitError
			if err := tm.Cmd.Wait(); errors.As(err, &exit) && exit.ExitCode() != tt.code || (err == nil) != (tt.code == 0) {
				t.Errorf("ended with %v, want %d", err, tt.code)
			}
			if !echoes(t, tm) {
				t.Error("the terminal is left showing no keys")
			}
		})
	}
}

// echoes reports whether the terminal shows what is typed.
func echoes(t *testing.T, tm *ptytest.Terminal) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(tm.Master.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// TestPasswordWithoutTerminal: where nobody can be asked, nothing waits.
func TestPasswordWithoutTerminal(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "ls", "--user", "u")
	cmd.Env = append(os.Environ(), programEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := cmd.CombinedOutput()
	if want := "etcd-lock: error: user without a password\netcd-lock: hint: use --password-file "; !strings.HasPrefix(string(out), want) || cmd.ProcessState.ExitCode() != exitUsage {
		t.Errorf("%q, %v; want %q", out, err, want)
	}
}

// TestSilentPipes: a file that is a pipe, to which nothing is written, does not keep the program
// from ending at the first signal.
func TestSilentPipes(t *testing.T) {
	t.Parallel()
	endpoint, recording := etcdtest.Start(t), t.TempDir()
	for _, args := range []string{
		"ls --config PIPE", "ls --layouts PIPE", "ls --user u --password-file PIPE",
		"ls --recording " + recording + " --layouts PIPE", "layouts check PIPE", "contexts check PIPE",
		"simulate check PIPE", "simulate run --embedded PIPE",
		"why --watch --mutes PIPE", "why --fail-on notice --mutes PIPE --endpoints " + endpoint,
	} {
		pipe := filepath.Join(t.TempDir(), "pipe")
		if err := unix.Mkfifo(pipe, 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		cmd := exec.CommandContext(t.Context(), os.Args[0], strings.Fields(strings.ReplaceAll(args, "PIPE", pipe))...)
		cmd.Env, cmd.Stderr = append(os.Environ(), programEnv+"=1", "GORACE=atexit_sleep_ms=0"), &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var writer int
		etcdtest.Eventually(t, "the program reads the pipe", func() (reads bool) {
			var err error
			writer, err = unix.Open(pipe, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
			return err == nil // else nobody reads it
		})
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		_ = unix.Close(writer)
		if want := "etcd-lock: error: interrupted\n"; out.String() != want || cmd.ProcessState.ExitCode() != exitFailed {
			t.Errorf("%s: %q, %v; want %q", args, &out, cmd.ProcessState, want)
		}
	}
}
