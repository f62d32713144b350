package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"etcd-lock/internal/etcdtest"

	"etcd-lock/simulate/scenario"
)

func TestMain(m *testing.M) { etcdtest.Main(m) }

// want are the sample's lines, and those of the scenario that does the same:
// they must not part.
func want(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile("expected.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	sc, err := scenario.Find("four-clients")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(sc.Expect.Log, lines) {
		t.Fatalf("four-clients expects %q, the sample %q", sc.Expect.Log, lines)
	}
	return lines
}

// runSample wants the lines in their order. Clients start 100 ms apart, which
// a machine under load may not keep: then the same lines come in another order,
// and the sample gets another chance.
func runSample(t *testing.T, endpoints string) {
	t.Helper()
	want := want(t)
	for attempt := 1; ; attempt++ {
		var out bytes.Buffer
		if err := run(t.Context(), endpoints, &out); err != nil {
			t.Fatal(err)
		}
		got := strings.Split(strings.TrimSpace(out.String()), "\n")
		if slices.Equal(got, want) {
			return
		}
		sameLines := slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want)))
		if !sameLines || attempt == 4 {
			t.Fatalf("sample printed\n%s\nwant\n%s", out.String(), strings.Join(want, "\n"))
		}
		t.Logf("attempt %d printed\n%s", attempt, out.String())
	}
}

func TestSample(t *testing.T) {
	t.Run("embedded", func(t *testing.T) { t.Parallel(); runSample(t, "") })
	t.Run("endpoints", func(t *testing.T) { t.Parallel(); runSample(t, etcdtest.Start(t)) })
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := run(ctx, etcdtest.Start(t), &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
			t.Errorf("run = %v", err)
		}
	})
	t.Run("waits for etcd to start", func(t *testing.T) {
		t.Parallel()
		p := etcdtest.StartProcess(t)
		p.Kill()
		done := make(chan error, 1)
		go func() { done <- run(t.Context(), p.Endpoint, &bytes.Buffer{}) }()
		p.Start()
		if err := <-done; err != nil {
			t.Errorf("run = %v", err)
		}
	})
}
