package scenario_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// TestLibraryIsDocumented wants the guide to list every scenario.
func TestLibraryIsDocumented(t *testing.T) {
	guide, err := os.ReadFile("../../docs/scenarios.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, sc := range scenario.Builtin() {
		if row := fmt.Sprintf("| [`%s`](../simulate/scenario/%s) | %s | ", sc.Name, sc.File, sc.About); !strings.Contains(string(guide), row) {
			t.Errorf("no row %q", row)
		}
	}
}
