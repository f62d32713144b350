package simetcd

import (
	_ "unsafe" // for go:linkname

	_ "go.etcd.io/etcd/client/v3" // whose variable it is
)

// valCtxCh is a channel of etcd's client that is never closed, on which a goroutine of
// each stream of watches waits. It is made when the program starts, so outside of every
// bubble, and a bubble's time stands still while a goroutine waits for something outside.
//
//go:linkname valCtxCh go.etcd.io/etcd/client/v3.valCtxCh
var valCtxCh chan struct{}

// The channel is removed before anything runs that reads it: packages are initialized after
// those that they import. A context whose channel is nil is one that never ends, too, and
// needs no goroutine.
var _ = func() struct{} {
	valCtxCh = nil
	return struct{}{}
}()
