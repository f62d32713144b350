package etcd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/client/pkg/v3/fileutil"
)

const (
	scratchPattern = "etcd-lock-*"

	// ownerLock is the file in a scratch folder that is locked as long as a process uses the
	// folder.
	ownerLock = "owner.lock"
)

// Scratch is a temporary folder, such as for the data of members. If its processes die before
// Close, the next NewScratch of the same user removes it, on systems where that is safe.
type Scratch struct {
	Dir string

	// Owner is locked. A child that inherits it keeps the folder too, until it dies.
	Owner *os.File
}

// NewScratch makes a scratch folder, and removes those whose processes are dead.
func NewScratch() (*Scratch, error) {
	sweep(os.TempDir())
	for {
		dir, err := os.MkdirTemp("", scratchPattern)
		if err != nil {
			return nil, err
		}
		s, err := own(dir)
		if errors.Is(err, fileutil.ErrLocked) || errors.Is(err, fs.ErrNotExist) {
			continue // another process has removed it, because it was not locked yet
		}
		if err != nil {
			return nil, fmt.Errorf("temporary folder: %w", errors.Join(err, os.RemoveAll(dir)))
		}
		return s, nil
	}
}

// own locks a new folder.
func own(dir string) (*Scratch, error) {
	path := filepath.Join(dir, ownerLock)
	lock, err := fileutil.TryLockFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(path); err != nil { // removed between its creation and its locking
		return nil, errors.Join(err, lock.Close())
	}
	return &Scratch{Dir: dir, Owner: lock.File}, nil
}

// Close removes the folder. The lock goes last, so that the folder is still known as one to
// remove if this process dies meanwhile.
func (s *Scratch) Close() {
	entries, _ := os.ReadDir(s.Dir)
	for _, e := range entries {
		if e.Name() != ownerLock {
			_ = os.RemoveAll(filepath.Join(s.Dir, e.Name()))
		}
	}
	_ = os.RemoveAll(s.Dir)
	_ = s.Owner.Close()
}
