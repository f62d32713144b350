package backoff

import "time"

// CloseWatch is how long the end of a watch is waited for. In etcd's client, closing a
// watcher can hang for ever while etcd refuses one of its watches: two of the client's
// goroutines then wait for each other, and are left behind.
const CloseWatch = 5 * time.Second

// Within runs f, and returns when it has returned, or after d.
func Within(d time.Duration, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}
