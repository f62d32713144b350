//go:build !linux

package bench

// program has nothing to be: there is no benchmark of the screens here.
func program() {}
