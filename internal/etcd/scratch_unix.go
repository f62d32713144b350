//go:build unix && !solaris && !aix && !illumos

package etcd

import (
	"os"
	"path/filepath"
	"syscall"

	"go.etcd.io/etcd/client/pkg/v3/fileutil"
)

// sweep removes the scratch folders in temp that belong to this user and that no process has
// locked. It follows no symbolic links. What it cannot remove stays.
func sweep(temp string) {
	dirs, _ := filepath.Glob(filepath.Join(temp, scratchPattern))
	for _, dir := range dirs {
		path := filepath.Join(dir, ownerLock)
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || !isOwn(info) {
			continue
		}
		if info, err = os.Lstat(path); err != nil || !info.Mode().IsRegular() || !isOwn(info) {
			continue
		}
		lock, err := fileutil.TryLockFile(path, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		(&Scratch{Dir: dir, Owner: lock.File}).Close()
	}
}

func isOwn(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}
