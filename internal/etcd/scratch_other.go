//go:build !unix || solaris || aix || illumos

package etcd

// sweep does nothing: on Windows, a locked file may seem to be free, and on the others a process
// locks out others only, and not itself.
func sweep(string) {}
