package console

import (
	"os"
	"path/filepath"
	"testing"

	"etcd-lock/internal/hooks"
	"etcd-lock/tui/backend"
)

// A program is told without a shell: what comes from etcd is a value, and no option.
func TestNotifier(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte(`printf '%s|%s|%s|%s|%s' "$1" "$2" "$ETCD_LOCK_EVENT" "$ETCD_LOCK_TEXT" "$ETCD_LOCK_LOCK" >`+out), 0o600); err != nil {
		t.Fatal(err)
	}
	p := notifier{hooks.Program{"sh", script, "first"}}
	if err := p.Notify(t.Context(), backend.Notice{Event: "free", Text: "-x $(id) is free", Lock: "/a\n\x1b[2J`id`"}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(out)
	if want := "first|etcd-lock: -x $(id) is free|free|-x $(id) is free|/a\\n\\x1b[2J`id`"; err != nil || string(got) != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if err := (notifier{hooks.Program{"sh", "-c", "echo no; exit 3"}}).Notify(t.Context(), backend.Notice{}); err == nil || err.Error() != "exit status 3: no" {
		t.Errorf("%v", err)
	}
}
