package clusters

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"etcd-lock/tui/backend"
)

// An order by context holds where there are several, and stays in the file while one is shown
// alone. What is wrong with the file is said once. All clusters share what is chosen.
func TestSortByContextIsKept(t *testing.T) {
	t.Parallel()
	file := backend.PrefsFile(filepath.Join(t.TempDir(), "ui.yaml"))
	if err := os.WriteFile(string(file), []byte("sort: {locks: context, sessions: nonsense}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := newFleet("dev", "prod")
	shared := backend.OpenPreferences(file)
	f.change = func(_ string, o *backend.Options) { o.Preferences = shared }
	d := together(t, f, "prod", "dev")
	d.shows("✗ ui.yaml:1:34: sort of sessions: no column nonsense to sort by")
	d.until("sorted", func() bool {
		dev, prod := strings.Index(d.screen(), "dev  /lock-of-dev"), strings.Index(d.screen(), "prod /lock-of-prod")
		return 0 < dev && dev < prod
	})
	d.types(":ctx prod")
	d.shows("/lock-of-prod")
	d.press("j", "2", "j", "1")
	d.types(":mouse off")
	d.until("saved", func() bool {
		p, err := file.Load()
		return err == nil && !p.Mouse
	})
	if p, err := file.Load(); err != nil || p.Sort["locks"] != "context" || p.Sort["sessions"] != "nonsense" {
		t.Errorf("%v, %v", p.Sort, err)
	}
}
