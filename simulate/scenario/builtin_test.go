package scenario_test

import (
	"os"
	"path/filepath"
	"testing"

	"etcd-lock/simulate/scenario"
)

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "s.yaml")
	if err := os.WriteFile(file, []byte("name: s\nclients: [{name: c, steps: [{wait: 1s}]}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("OK", func(t *testing.T) {
		if sc, err := scenario.Open(file); err != nil || sc.Name != "s" {
			t.Errorf("Open = %+v, %v", sc, err)
		}
	})
	t.Run("Directory", func(t *testing.T) {
		if _, err := scenario.Open(dir); err == nil {
			t.Error("no error")
		}
	})
}
