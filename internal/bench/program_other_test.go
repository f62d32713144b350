//go:build !linux

package bench

// program does nothing: the benchmark of the screens runs on Linux only.
func program() {}
