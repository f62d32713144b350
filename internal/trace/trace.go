// Package trace checks that what the hooks of package rwlock report are steps that the
// protocol allows. See docs/protocol.md and internal/model.
package trace

import (
	"sync"

	"etcd-lock/rwlock"
)

// Step is an event of a request.
type Step struct {
	Request int // which one, counted from 0
	Who     string
	Event   rwlock.Event
}

// Log records the events of all requests, in the order in which they happen.
type Log struct {
	mu       sync.Mutex
	requests int
	steps    []Step
}

// Hook returns a hook for one request of who. It records nothing once over, if that is not
// nil, returns true: a client that was killed takes no more steps.
func (l *Log) Hook(who string, over func() bool) func(rwlock.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.requests
	l.requests++
	return func(e rwlock.Event) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if over == nil || !over() {
			l.steps = append(l.steps, Step{Request: n, Who: who, Event: e})
		}
	}
}

// Steps returns what was recorded until now.
func (l *Log) Steps() []Step {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.steps[:len(l.steps):len(l.steps)]
}
