package cluster

import (
	"math/rand/v2"
	"sync"
	"time"
)

// cable carries data in one direction, or in both, while it is whole, and holds it up while
// it is cut.
type cable struct {
	mu    sync.Mutex
	whole chan struct{} // closed while it is whole
	delay time.Duration // by which each piece of data is late
	lose  int           // one of so many pieces of data is lost; 0 loses none
}

func newCable() *cable {
	c := &cable{whole: make(chan struct{})}
	close(c.whole)
	return c
}

// set mends or cuts the cable.
func (c *cable) set(whole bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.whole:
		if !whole {
			c.whole = make(chan struct{})
		}
	default:
		if whole {
			close(c.whole)
		}
	}
}

// disturb sets by how much data is late, and how much of it is lost.
func (c *cable) disturb(delay time.Duration, lose int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.delay, c.lose = delay, lose
}

// wait blocks until the cable is whole or done is closed.
func (c *cable) wait(done <-chan struct{}) {
	c.mu.Lock()
	whole := c.whole
	c.mu.Unlock()
	select {
	case <-whole:
	case <-done:
	}
}

// pass waits for as long as a piece of data is late, or until done is closed, and reports
// whether it arrives.
func (c *cable) pass(done <-chan struct{}) bool {
	c.mu.Lock()
	delay, lose := c.delay, c.lose
	c.mu.Unlock()
	if delay > 0 {
		late := time.NewTimer(delay)
		defer late.Stop()
		select {
		case <-late.C:
		case <-done:
		}
	}
	return lose == 0 || rand.IntN(lose) > 0
}
