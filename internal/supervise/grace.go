package cli

import "time"

// hold is how it stands with the locks that a command runs under.
type hold struct {
	deadline time.Time     // until when the lease lives for certain
	ttl      time.Duration // of the lease
	lost     time.Time     // when it showed that a lock is gone; zero while all are held
}

// demand is what locks want of the command that runs under them.
type demand int

// The demands, each more than the one before.
const (
	goOn demand = iota
	endIt
	killIt
)

// demand is what the locks want now, and until when they want no more; never
// again when that is zero. Once the lease may have run out, another may be in.
func (h hold) demand(now time.Time) (demand, time.Time) {
	end, kill := h.deadline.Add(-h.ttl/3), h.killTime(h.lost)
	if !h.lost.IsZero() {
		end = h.lost
	}
	switch {
	case !now.Before(kill):
		return killIt, time.Time{}
	case !now.Before(end):
		return endIt, kill
	default:
		return goOn, end
	}
}

// killTime is when what was told to end at a time has to be dead; the zero time
// is for what was not told. It is somewhat before the lease can run out, because
// a busy machine takes time to kill.
func (h hold) killTime(told time.Time) time.Time {
	kill := h.deadline.Add(-h.ttl / 20)
	if grace := told.Add(h.ttl / 3); !told.IsZero() && grace.Before(kill) {
		return grace
	}
	return kill
}
