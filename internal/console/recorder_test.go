package console

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/recorder"
	"etcd-lock/simulate/scenario"
)

func TestRecorder(t *testing.T) {
	t.Parallel()
	l, client := newLocker(t)
	takes(t, l.Client("tui", 10*time.Second), "/a", keyspace.Write)
	r := scenarioRecorder{source: inspect.NewSource(client), options: recorder.Options{Now: time.Now}}
	file := filepath.Join(t.TempDir(), "recording.yaml")
	var summary string
	long := 50 * time.Millisecond
	etcdtest.Eventually(t, "it has seen the request before it ends", func() bool {
		long *= 2
		ctx, cancel := context.WithTimeout(t.Context(), long)
		defer cancel()
		var err error
		summary, err = r.Record(ctx, file)
		return err == nil
	})
	if !strings.Contains(summary, "recorded 1 request as 1 client in ") {
		t.Errorf("summary %q", summary)
	}
	if _, err := scenario.Open(file); err != nil {
		t.Error(err)
	}
	if _, err := r.Record(t.Context(), file); err == nil {
		t.Error("the file was overwritten")
	}
}
