package console

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/rwlock"
	"etcd-lock/simulate"
	"etcd-lock/simulate/outcome"
	"etcd-lock/tui/backend"
)

func TestScenarios(t *testing.T) {
	s := scenarios{shared: simulate.Etcd{Connect: connectTo(etcdtest.Start(t))}}
	t.Run("List", func(t *testing.T) {
		list := s.List()
		i := slices.IndexFunc(list, func(sc backend.Scenario) bool { return sc.Name == "four-clients" })
		if i < 0 || list[i].About == "" || list[i].OwnCluster || !slices.Equal(list[i].Locks, []string{"/mylocks/a"}) {
			t.Errorf("List = %+v", list)
		}
	})
	t.Run("ErrUnknown", func(t *testing.T) {
		if _, err := s.Play("nope", 1).Run(t.Context(), nil); err == nil {
			t.Error("ran a scenario that does not exist")
		}
	})
	t.Run("Run ends with its context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		steps := 0
		play := s.Play("four-clients", 1)
		_, err := play.Run(ctx, func(backend.ScenarioStep) { steps++; cancel() })
		if !errors.Is(err, context.Canceled) || steps == 0 {
			t.Errorf("Run = %v after %d steps", err, steps)
		}
	})
	t.Run("a file that fails", func(t *testing.T) {
		dir := t.TempDir()
		file := filepath.Join(dir, "never.yaml")
		text := "name: never\nclients:\n  - name: a\n    steps:\n      - write: /never\n        expect: deadline\n      - unlock: /never\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := s.Paths(filepath.Join(dir, "n")); !slices.Equal(got, []string{file}) {
			t.Errorf("Paths = %q", got)
		}
		if _, err := s.Read(t.Context(), filepath.Join(dir, "none.yaml")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("Read of no file = %v", err)
		}
		sc, err := s.Read(t.Context(), file)
		if err != nil || sc.Name != file {
			t.Fatalf("Read = %+v, %v", sc, err)
		}
		play := s.Play(sc.Name, 2)
		failures, err := play.Run(t.Context(), func(backend.ScenarioStep) {})
		if err != nil || len(failures) != 1 || !strings.Contains(failures[0], "want deadline, got granted") {
			t.Errorf("Run = %q, %v", failures, err)
		}
		lanes := play.State().Lanes
		wrote := len(lanes) == 1 && slices.ContainsFunc(lanes[0].Stretches, func(s outcome.Stretch) bool { return s.Holds == rwlock.Write })
		if !wrote {
			t.Errorf("lanes %+v", lanes)
		}
	})
}
