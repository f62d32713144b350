package verify

import (
	"fmt"
	"strings"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/rwlock"
)

// Seen is what the clients saw. Its times are of one clock, the recorder's.
type Seen struct {
	Holds []Hold
	Waits []Wait
	// Sessions says whose which lease is. With it, violations name the clients
	// of requests that no hold tells of, and only keys of these sessions count
	// as left; without it, all do.
	Sessions map[int64]string
}

// Hold is one client's hold on one lock, from acquired to given up. Of several
// locks that were taken together, each is a hold of its own.
type Hold struct {
	Client string
	Lock   string
	Stages []Stage // as acquired, then as upgraded and downgraded; never empty

	End      time.Duration // from here on the client does not claim to hold it
	Released time.Duration // when the end was confirmed, or 0 if it never was
	Known    time.Duration // when the client ceased to believe in it; End if that is later
}

// Stage is a hold's life in one mode. The first is an acquisition, a later one
// an upgrade or a downgrade.
type Stage struct {
	Mode rwlock.Mode
	// Token is the fencing token that the client has in this stage, the create
	// revision of the request that gave it. A lock without tokens has 0 here:
	// its history cannot be told, and no overlap of it is fenced.
	Token   int64
	Asked   time.Duration // when the client called for it
	Granted time.Duration // when it was told that it has it
	Unsure  bool          // the answer was lost, and it may never have come to be
}

// Wait is an acquisition that did not come to be a hold, by a client that would
// have heard of it: it was not refused at once, as a try is.
type Wait struct {
	Client string
	Lock   string
	Mode   rwlock.Mode
	Lease  int64 // its session
	Asked  time.Duration
	Ended  time.Duration // when it gave up, or could not hear any more: it died, was stopped or cut off
}

// created is the create revision of the key that holds in stage i: of a reader's
// the first, for an upgrade keeps it, and a downgrade goes back to it with the
// token that the hold has by then.
func (h *Hold) created(i int) int64 {
	if h.Stages[i].Mode == rwlock.Read {
		i = 0
	}
	return h.Stages[i].Token
}

// lastGranted is when the last of the stages was known to have begun.
func (h *Hold) lastGranted() time.Duration {
	var last time.Duration
	for _, s := range h.Stages {
		last = max(last, s.Granted)
	}
	return last
}

// whole reports whether the hold was claimed in all its stages. One that is not
// was dead when its client heard of it.
func (h *Hold) whole() bool { return h.lastGranted() <= h.End }

// belief is from when to when the client believed to be in stage i. It may have
// been wrong at its end, if it learned late of its loss: that is what tokens are for.
func (h *Hold) belief(i int) (from, to time.Duration) {
	from, to = h.begin(i), max(h.Known, h.End)
	if i+1 < len(h.Stages) {
		to = h.begin(i + 1)
	}
	return from, to
}

// begin is from when on the client believes to be in stage i. A downgrade holds
// for reading from the call on.
func (h *Hold) begin(i int) time.Duration {
	if s := h.Stages[i]; i == 0 || s.Mode == rwlock.Write {
		return s.Granted
	}
	return h.Stages[i].Asked
}

func excludes(a, b rwlock.Mode) bool { return a == rwlock.Write || b == rwlock.Write }

// String tells all of a hold in one line.
func (h *Hold) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s:", h.Client, h.Lock)
	for _, s := range h.Stages {
		fmt.Fprintf(&b, " %s token %d in [%s, %s]", s.Mode, s.Token, format.Clock(s.Asked), format.Clock(s.Granted))
		if s.Unsure {
			b.WriteString(" unsure")
		}
	}
	fmt.Fprintf(&b, " until %s, known %s, released %s", format.Clock(h.End), format.Clock(h.Known), format.Clock(h.Released))
	return b.String()
}

// stage tells what the client had in stage i, and for how long it claimed it.
func (h *Hold) stage(i int) string {
	from, to := h.belief(i)
	s := h.Stages[i]
	return fmt.Sprintf("%s to %s with token %d from %s to %s", h.Client, s.Mode, s.Token, format.Clock(from), format.Clock(min(to, h.End)))
}
