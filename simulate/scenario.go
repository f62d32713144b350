// Package simulate runs scenarios of contention: clients that take and release
// read/write locks by a script, and checks of what came of it.
//
// A scenario is data, usually a YAML file:
//
//	name: four-clients        # letters, digits and dashes
//	about: what it shows      # optional, one line
//	ttl: 1s                   # of each client's session, whole seconds; 10s when left out
//	clients:
//	  - name: r1              # unique
//	    after: 100ms          # its first step, counted from one instant for all; 0s when left out
//	    steps:                # one after the other
//	      - rlock: /mylocks/a # take the lock for reading
//	        within: 2s        # or give up; 10s when left out
//	      - hold: 500ms       # do nothing for so long
//	      - unlock: /mylocks/a
//	      - rwlock: /mylocks/b # take the lock for writing
//	      - unlock: /mylocks/b
//	expect:                   # optional
//	  log:                    # exactly these lines, in this order
//	    - PREPARE MUTEXES
//	    - LOCK1
//	    - waiting lock r1
//	    - got lock r1
//
// Every client has a session of its own. A client that does not get a lock in
// time skips the steps up to that lock's unlock. What a client still holds
// after its last step is released when all clients are done.
//
// The lines of a run are
//
//	PREPARE MUTEXES             before the sessions are opened
//	LOCK1, LOCK2, …             the first, second, … client is ready; all of them before any starts
//	waiting lock CLIENT         before it asks for a lock
//	got lock CLIENT
//	released rlock for CLIENT   whatever the mode
//	CLIENT not acquired: WHY    "context deadline exceeded" when it was not in time
//	CLIENT lost: WHY            its session ended, or somebody deleted its key
//	CLIENT not released: WHY    the lock had been lost
//
// and a grant always comes after the releases that made way for it.
package simulate

import "time"

// Scenario is a script of contention.
type Scenario struct {
	Name    string
	About   string
	TTL     time.Duration // of each client's session, whole seconds
	Clients []Client
	Expect  Expect
}

// Client is one session and what it does.
type Client struct {
	Name  string
	After time.Duration // from the common start to the first step
	Steps []Step
}

// Action is what a step does.
type Action string

// The actions, by the words of the file format.
const (
	RLock  Action = "rlock"
	RWLock Action = "rwlock"
	Unlock Action = "unlock"
	Hold   Action = "hold"
)

// Step is one thing that a client does.
type Step struct {
	Do     Action
	Lock   string        // of RLock, RWLock and Unlock
	Within time.Duration // of RLock and RWLock: how long to wait
	For    time.Duration // of Hold
}

// Expect is what must come of a run.
type Expect struct {
	Log []string // all its lines in order; nil when any will do
}

// What a file need not say.
const (
	DefaultTTL    = 10 * time.Second
	DefaultWithin = 10 * time.Second
)

// The words of the log.
const (
	logPrepare  = "PREPARE MUTEXES"
	logWaiting  = "waiting lock "
	logGot      = "got lock "
	logReleased = "released rlock for "
)
