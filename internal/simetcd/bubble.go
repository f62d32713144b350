package simetcd

import (
	"sync"
	_ "unsafe" // for go:linkname

	_ "go.etcd.io/etcd/client/v3" // whose variable it is
)

// valCtxCh is a channel of etcd's client that is never closed, on which a goroutine of
// each stream of watches waits. It is made when the program starts, so outside of every
// bubble, and a bubble's time stands still while a goroutine waits for something outside.
//
//go:linkname valCtxCh go.etcd.io/etcd/client/v3.valCtxCh
var valCtxCh chan struct{}

// leaveNoChannel removes the channel. A context whose channel is nil is one that never
// ends, too, and needs no goroutine.
var leaveNoChannel = sync.OnceFunc(func() { valCtxCh = nil })
