package tui

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/backend/backendtest"
)

// patience is how long a fact may take to come true on a busy machine.
const patience = 20 * time.Second

// jobs is a lock.
var jobs = inspect.LockID{Layout: layout.RWLock, Name: "/jobs"}

// screenBuffer is a terminal's screen that can be read while it is written.
type screenBuffer struct {
	mu    sync.Mutex
	b     bytes.Buffer
	wrote chan struct{}
	full  <-chan struct{} // writes wait until it is closed; nil: they do not
}

func (s *screenBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	full := s.full
	s.mu.Unlock()
	if full != nil {
		<-full
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.wrote <- struct{}{}:
	default:
	}
	return s.b.Write(p)
}

func (s *screenBuffer) contains(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.b.String(), text)
}

func (s *screenBuffer) wait(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(patience)
	for !s.contains(text) {
		select {
		case <-s.wrote:
		case <-deadline:
			t.Fatalf("never: %s", text)
		}
	}
}

// Run returns when the user or the context says so, with nothing left behind.
func TestRun(t *testing.T) {
	for _, name := range []string{"Quit", "ContextEnds"} {
		t.Run(name, func(t *testing.T) {
			c := backendtest.NewCluster(time.Now)
			c.Put(inspect.Request{Lock: jobs, Mode: keyspace.Read})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			in, keys := io.Pipe()
			defer func() { _ = keys.Close() }()
			out := &screenBuffer{wrote: make(chan struct{}, 1)}
			done := make(chan error, 1)
			go func() {
				done <- Run(ctx, backend.Options{Source: c, Locker: c, NoColor: true},
					tea.WithInput(in), tea.WithOutput(out), tea.WithWindowSize(80, 24), tea.WithoutSignals())
			}()
			out.wait(t, "/jobs")
			_, _ = keys.Write([]byte("r"))
			out.wait(t, "You would share it")
			_, _ = keys.Write([]byte("y"))
			out.wait(t, "yours etcd-lock")
			if name == "Quit" {
				_, _ = keys.Write([]byte("q"))
				out.wait(t, "Quitting ends this")
				_, _ = keys.Write([]byte("y"))
			} else {
				cancel()
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if n := len(c.Queue(jobs)); n != 1 {
				t.Errorf("%d requests are left, want the other client's", n)
			}
		})
	}

	t.Run("NobodyReads", func(t *testing.T) {
		c := backendtest.NewCluster(time.Now)
		c.Put(inspect.Request{Lock: jobs, Mode: keyspace.Read})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		in, keys := io.Pipe()
		defer func() { _ = keys.Close() }()
		out := &screenBuffer{wrote: make(chan struct{}, 1)}
		done := make(chan error, 1)
		go func() {
			done <- Run(ctx, backend.Options{Source: c, Locker: c, NoColor: true},
				tea.WithInput(in), tea.WithOutput(out), tea.WithWindowSize(80, 24), tea.WithoutSignals())
		}()
		out.wait(t, "/jobs")
		_, _ = keys.Write([]byte("r"))
		out.wait(t, "You would share it")
		_, _ = keys.Write([]byte("y"))
		out.wait(t, "yours etcd-lock")
		full := make(chan struct{})
		defer close(full)
		out.mu.Lock()
		out.full = full
		out.mu.Unlock()
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Fatal("does not end")
		}
		if n := len(c.Queue(jobs)); n != 1 {
			t.Errorf("%d requests are left, want the other client's", n)
		}
	})

	t.Run("NoSource", func(t *testing.T) {
		if err := Run(t.Context(), backend.Options{}); err == nil {
			t.Error("ran without a source")
		}
	})
}
