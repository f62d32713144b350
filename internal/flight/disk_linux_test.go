package flight

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// diskEnv has the test record in that folder, on a file system of diskSize that it fills.
const diskEnv = "ETCD_LOCK_TEST_DISK"

const (
	diskSize  = "1500k"
	otherData = 1 << 20 // of the disk, until there is room
	notMade   = 77      // the exit status if there is no such file system
)

// TestDiskIsFull fills a real file system: nothing that was recorded before is lost, the gap
// shows, and the recorder goes on once there is room.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv(diskEnv); dir != "" {
		fillDisk(t, dir)
		return
	}
	dir := t.TempDir()
	const script = `mount -t tmpfs -o size="$1" none "$2" || exit 77; exec "$3" -test.run='^TestDiskIsFull$'`
	cmd := exec.CommandContext(t.Context(), "unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", diskSize, dir, os.Args[0])
	cmd.Env = append(os.Environ(), diskEnv+"="+dir)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch isExit := errors.As(err, &exit); {
	case err == nil:
	case !isExit, exit.ExitCode() == notMade, exec.CommandContext(t.Context(), "unshare", "--map-root-user", "--mount", "true").Run() != nil:
		t.Skipf("this user may not mount a file system: %v: %s", err, out)
	default:
		t.Errorf("%v:\n%s", err, out)
	}
}

// fillDisk records until a disk is full and for some time after that, and again once there
// is room.
func fillDisk(t *testing.T, disk string) {
	t.Helper()
	other := filepath.Join(disk, "other")
	if err := os.WriteFile(other, make([]byte, otherData), 0o600); err != nil {
		t.Fatal(err)
	}
	var reports []error
	r := &recorderT{t: t, dir: filepath.Join(disk, "recording"), clock: &testClock{wall: epoch}}
	r.opts = Options{
		Limits: Limits{Keep: time.Hour, MaxSize: 1 << 30}, now: r.clock.read, Report: func(err error) { reports = append(reports, err) },
	}
	r.start()
	const afterwards = 20 // revisions that are not recorded, and that are again
	durable, full := int64(0), int64(0)
	for revision := int64(1); full == 0 || revision < full+afterwards; revision++ {
		r.record(revision)
		switch {
		case r.failed == nil && full == 0:
			durable = revision
		case full == 0:
			full = revision
		}
	}
	if len(reports) != 1 || !errors.Is(reports[0], syscall.ENOSPC) {
		t.Fatalf("reports = %v", reports)
	}
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	for revision := full + afterwards; revision < full+2*afterwards; revision++ {
		r.record(revision)
	}
	if len(reports) != 2 || reports[1] != nil || r.Close() != nil {
		t.Fatalf("reports = %v, failed = %v", reports, r.failed)
	}
	recording := r.open()
	for revision := int64(1); revision < full+2*afterwards; revision++ {
		if revision < full-afterwards && revision%50 != 1 {
			continue
		}
		m, err := recording.Rev(revision)
		switch {
		case revision <= durable, revision >= full+afterwards:
			check(t, m, err, revision)
		case err != nil || !m.doubts("could not be written"):
			t.Fatalf("revision %d: the gap does not show: %q, %v", revision, m.Doubts, err)
		}
	}
}
