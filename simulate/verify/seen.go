package verify

import (
	"fmt"
	"strings"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/rwlock"
)

// Seen is what the clients saw. Its times are by the recorder's clock.
type Seen struct {
	Holds []Hold
	Waits []Wait
	// Sessions are the names of the clients by lease. With it, violations name the
	// clients of requests that are in no hold, and only keys of these sessions are
	// reported as LeftBehind; without it, all keys are.
	Sessions map[int64]string
}

// Hold is one client's hold of one lock. Several locks that were acquired together are
// several holds.
type Hold struct {
	Client string
	Lock   string
	Stages []Stage // the acquisition, then upgrades and downgrades; never empty

	End      time.Duration // from then on the client does not claim to hold it
	Released time.Duration // when etcd confirmed the release, or 0 if it never did
	Known    time.Duration // when the client stopped believing that it holds it, if that is later than End
}

// Stage is a hold in one mode. The first stage is an acquisition, later ones are
// upgrades and downgrades.
type Stage struct {
	Mode    rwlock.Mode
	Weight  int // of mode Slot: how many permits of the semaphore
	Permits int // of mode Slot: how many it has, as the client was told
	// Token is the fencing token of the client in this stage: the create revision of
	// the request that was granted. It is 0 if the lock has no tokens: then its history
	// is not judged, and no overlap is fenced.
	Token   int64
	Asked   time.Duration // when the client requested it
	Granted time.Duration // when it was notified of the grant
	Unsure  bool          // the reply was lost, and it may not have happened
}

// Wait is an acquisition that was not granted, by a client that would have been
// notified of a grant. A try that was refused at once is none.
type Wait struct {
	Client string
	Lock   string
	Mode   rwlock.Mode
	Lease  int64 // its session
	Asked  time.Duration
	Ended  time.Duration // when it gave up, or could no longer be notified: it died, was paused or cut off
}

// created returns the create revision of the key that holds the lock in stage i. A
// reader's is that of the first stage: an upgrade keeps the reader's key, and a
// downgrade returns to it with the token that the hold has by then.
func (h *Hold) created(i int) int64 {
	if h.Stages[i].Mode == rwlock.Read {
		i = 0
	}
	return h.Stages[i].Token
}

// lastGranted returns when the client was notified of the last stage.
func (h *Hold) lastGranted() time.Duration {
	var last time.Duration
	for _, s := range h.Stages {
		last = max(last, s.Granted)
	}
	return last
}

// whole reports whether the client claimed the hold in all its stages. Otherwise it had
// ended when the client was notified of it.
func (h *Hold) whole() bool { return h.lastGranted() <= h.End }

// belief returns from when to when the client believed to be in stage i. At the end it
// may be wrong, if it learns late of its loss: that is what tokens are for.
func (h *Hold) belief(i int) (from, to time.Duration) {
	from, to = h.begin(i), max(h.Known, h.End)
	if i+1 < len(h.Stages) {
		to = h.begin(i + 1)
	}
	return from, to
}

// begin returns from when on the client believes to be in stage i. During a downgrade it
// holds the lock for reading from the call on.
func (h *Hold) begin(i int) time.Duration {
	if s := h.Stages[i]; i == 0 || s.Mode == rwlock.Write {
		return s.Granted
	}
	return h.Stages[i].Asked
}

// String formats the hold in one line.
func (h *Hold) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s:", h.Client, h.Lock)
	for _, s := range h.Stages {
		fmt.Fprintf(&b, " %s token %d in [%s, %s]", s.use(), s.Token, format.Clock(s.Asked), format.Clock(s.Granted))
		if s.Unsure {
			b.WriteString(" unsure")
		}
	}
	fmt.Fprintf(&b, " until %s, known %s, released %s", format.Clock(h.End), format.Clock(h.Known), format.Clock(h.Released))
	return b.String()
}

// stage says what the client held in stage i, and from when to when it claimed it.
func (h *Hold) stage(i int) string {
	from, to := h.belief(i)
	s := h.Stages[i]
	return fmt.Sprintf("%s %s with token %d from %s to %s", h.Client, s.use(), s.Token, format.Clock(from), format.Clock(min(to, h.End)))
}
