package alert

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"etcd-lock/internal/cli/docs"
)

func notice(text string, locks ...string) docs.Notice {
	return docs.Notice{Event: "raised", Finding: &docs.Finding{Kind: "long-wait", Severity: "warning", Text: text, Locks: locks}}
}

// stub is a hook that answers what the test says.
type stub struct {
	mu      sync.Mutex
	told    []string
	answers []error // one each time; then none
	block   chan struct{}
}

func (*stub) String() string { return "stub" }

func (s *stub) deliver(ctx context.Context, n docs.Notice, _ []byte) error {
	if s.block != nil {
		select {
		case <-s.block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, n.Finding.Text)
	if len(s.answers) == 0 {
		return nil
	}
	err := s.answers[0]
	s.answers = s.answers[1:]
	return err
}

// warnings collects warnings.
type warnings struct {
	mu  sync.Mutex
	all []string
}

func (w *warnings) add(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, text)
}

// startSender is newSender with pauses that are over at once.
func startSender(h hook, w *warnings) *sender {
	ctx, end := context.WithCancel(context.Background())
	s := &sender{hook: h, warn: w.add, pause: time.Nanosecond, queue: make(chan docs.Notice, maxQueue), end: end, done: make(chan struct{})}
	go s.run(ctx)
	return s
}

func TestSender(t *testing.T) {
	fails := errors.New("fails")
	tests := []struct {
		name    string
		answers []error
		told    string
		warned  int
	}{
		{"at once", nil, "a b", 0},
		{"the third time", []error{fails, fails}, "a a a b", 0},
		{"never", []error{permanentError{fails}}, "a b", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, w := &stub{answers: tt.answers}, &warnings{}
			s := startSender(h, w)
			s.send(notice("a"))
			s.send(notice("b"))
			s.close()
			if got := strings.Join(h.told, " "); got != tt.told || len(w.all) != tt.warned {
				t.Errorf("told %q, warnings %q", got, w.all)
			}
		})
	}
}

// Somebody who does not answer costs a bounded number of lines, and is warned about once.
func TestQueueIsBounded(t *testing.T) {
	h, w := &stub{block: make(chan struct{})}, &warnings{}
	s := startSender(h, w)
	for range 10 * maxQueue {
		s.send(notice("a"))
	}
	if len(w.all) != 1 {
		t.Errorf("warnings: %q", w.all)
	}
	close(h.block)
	s.close()
	if n := len(h.told); n < maxQueue || n > maxQueue+1 {
		t.Errorf("told %d times", n)
	}
	if len(w.all) != 2 || !strings.Contains(w.all[1], "lines were not passed on") {
		t.Errorf("warnings: %q", w.all)
	}
}

func TestWebhook(t *testing.T) {
	var got docs.Notice
	code := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || json.Unmarshal(body, &got) != nil {
			t.Errorf("%s %s", r.Method, body)
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(code)
	}))
	defer server.Close()
	h := webhook{url: server.URL + "/secret", name: "--webhook " + hostOf(server.URL+"/secret")}
	if strings.Contains(h.String(), "secret") {
		t.Errorf("%s shows the secret", h)
	}
	s := &sender{hook: h}
	body, _ := json.Marshal(notice("a", "/a"))
	for status, want := range map[int]string{200: "", 204: "", 302: "permanent", 404: "permanent", 429: "error", 500: "error", 503: "error"} {
		code = status
		err := s.once(t.Context(), notice("a"), body)
		switch {
		case (err == nil) != (want == ""), errors.As(err, new(permanentError)) != (want == "permanent"):
			t.Errorf("%d: %v, want %q", status, err, want)
		}
	}
	if got.Finding.Locks[0] != "/a" {
		t.Errorf("%+v", got)
	}
	server.Close()
	if err := h.deliver(t.Context(), notice("a"), body); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v shows the secret, or is none", err)
	}
}
