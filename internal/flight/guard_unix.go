//go:build unix && !solaris && !aix && !illumos

package flight

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// guard makes sure that one recorder at a time writes to a folder. The system removes it
// when the process ends, however that is.
func guard(dir string) (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "recorder.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the recording cannot be written: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("another recorder writes to %s", dir)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil
}
