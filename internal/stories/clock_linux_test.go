package stories

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// withJumps is package time of Go, with a function by which the clock of the process jumps.
// Durations are measured by another clock, which goes on. Other means do not work here:
// libfaketime replaces functions of the C library, which Go programs do not call.
var withJumps = strings.NewReplacer(
	"\tsec, nsec, mono := runtimeNow()\n", "\tsec, nsec, mono := runtimeNow()\n\tsec += jumped.Load()\n",
	"import (\n", "import (\n\t\"sync/atomic\"\n",
	"// runtimeNow returns the current time.", `// Jump sets by how many seconds Now is off.
func Jump(seconds int64) { jumped.Store(seconds) }

var jumped atomic.Int64

// runtimeNow returns the current time.`,
)

// buildJumping builds the tests of package rwlock, with the etcd in them, with clocks that jump.
func buildJumping(t *testing.T, soak string) {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(strings.TrimSpace(string(root)), "src/time/time.go")
	text, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file, overlay := filepath.Join(dir, "time.go"), filepath.Join(dir, "overlay.json")
	replaced, err := json.Marshal(map[string]map[string]string{"Replace": {own: file}})
	if err == nil {
		err = errors.Join(
			os.WriteFile(file, []byte(withJumps.Replace(string(text))), 0o600),
			os.WriteFile(overlay, replaced, 0o600),
			run("../../rwlock", "go", "test", "-c", "-overlay", overlay, "-tags", "jumps", "-o", soak, "."),
		)
	}
	if err != nil {
		t.Fatal(err)
	}
}
