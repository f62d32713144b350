package simulate

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"etcd-lock/rwlock"
)

// Line is one line of a run's log.
type Line struct {
	At     time.Duration // since the run began
	Client string        // empty for lines of the run itself
	Text   string
}

// ledger writes the log of a run in the order of cause and effect, and watches
// that nobody holds beside a writer.
//
// An unlock takes effect in etcd before its reply is back, so the next holder
// may hear of its grant first. Were each logged when it is heard of, a grant
// could stand above the release that it follows from. So a release keeps its
// lock's gate open for reading from before it is sent until after it is logged,
// and a grant is logged through the same gate closed for writing: whatever
// release made way for it was sent before, and is in the log by then.
type ledger struct {
	begin time.Time
	log   func(Line)
	gates map[string]*sync.RWMutex // by lock name

	mu         sync.Mutex
	lines      []Line
	holders    map[string]map[string]rwlock.Mode // by lock name, then client
	violations []string
	over       bool
}

func newLedger(sc *Scenario, log func(Line)) *ledger {
	l := &ledger{
		begin:   time.Now(),
		log:     log,
		gates:   map[string]*sync.RWMutex{},
		holders: map[string]map[string]rwlock.Mode{},
	}
	for _, c := range sc.Clients {
		for _, s := range c.Steps {
			if s.Lock != "" && l.gates[s.Lock] == nil {
				l.gates[s.Lock] = &sync.RWMutex{}
				l.holders[s.Lock] = map[string]rwlock.Mode{}
			}
		}
	}
	return l
}

// say adds a line.
func (l *ledger) say(client, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	line := Line{At: time.Since(l.begin), Client: client, Text: text}
	l.lines = append(l.lines, line)
	if l.log != nil {
		l.log(line)
	}
}

// finish ends the log: what becomes of locks when their sessions are closed is
// not part of it.
func (l *ledger) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
}

// granted notes that client has a lock.
func (l *ledger) granted(client string, lock rwlock.Want) {
	gate := l.gates[lock.Name]
	gate.Lock()
	defer gate.Unlock()
	l.say(client, logGot+client)
	l.hold(client, lock)
}

// release gives a lock back by unlock, which has released called.
func (l *ledger) release(client, lock string, unlock func() error) {
	gate := l.gates[lock]
	gate.RLock()
	defer gate.RUnlock()
	l.drop(client, lock)
	if err := unlock(); errors.Is(err, rwlock.ErrNotHeld) {
		l.released(client, err)
	}
}

// released notes what came of a release.
func (l *ledger) released(client string, err error) {
	if err != nil {
		l.say(client, fmt.Sprintf("%s not released: %v", client, err))
		return
	}
	l.say(client, logReleased+client)
}

// hold adds a holder, which must not be there beside a writer. The time between
// hold and drop lies within the time for which the client believes that the
// lock is its own, so two that overlap here did overlap.
func (l *ledger) hold(client string, lock rwlock.Want) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for other, mode := range l.holders[lock.Name] {
		if lock.Mode == rwlock.Write || mode == rwlock.Write {
			l.violations = append(l.violations, fmt.Sprintf("%s (%s) and %s (%s) held %q at the same time",
				other, mode, client, lock.Mode, lock.Name))
		}
	}
	l.holders[lock.Name][client] = lock.Mode
}

func (l *ledger) drop(client, lock string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.holders[lock], client)
}
