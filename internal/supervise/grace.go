package supervise

import (
	"time"

	"etcd-lock/internal/format"
)

// The grace periods are fractions of the TTL of the lease.
//
//	lease granted or renewed          2/3 TTL           19/20 TTL    TTL
//	|---------------------------------|-----------------|------------|
//	 the command runs                  SIGTERM was sent  SIGKILL      etcd may grant
//	                                                                  the lock to another

// terminateMargin is how much of the lease is left when SIGTERM is sent because
// it was not renewed. rwlock renews it three times a TTL, so one renewal at least
// has failed by then.
func terminateMargin(ttl time.Duration) time.Duration { return ttl / 3 }

// sigtermGrace is how long a command may take to end after SIGTERM because of a
// lock that was lost, before SIGKILL: as long as when the lease was not renewed.
func sigtermGrace(ttl time.Duration) time.Duration { return ttl / 3 }

// killMargin is how much of the lease is left when SIGKILL is sent at the latest:
// a busy machine takes time to kill.
func killMargin(ttl time.Duration) time.Duration { return ttl / 20 }

// reportTimeout bounds how long a report may hold up what comes after it: a
// terminal that is stopped with ctrl-S must not delay SIGKILL.
func reportTimeout(ttl time.Duration) time.Duration { return ttl / 20 }

// leaseStatus says when the lease of the command's locks expires, and whether one
// of the locks was lost.
type leaseStatus struct {
	deadline time.Time     // the lease is alive until then at least
	ttl      time.Duration // of the lease
	lostAt   time.Time     // when a lock was noticed to be lost; zero while all are held
}

// action is what is done to the command because of its locks.
type action int

// The actions, each more drastic than the one before.
const (
	keepRunning action = iota
	terminate          // SIGTERM
	kill               // SIGKILL
)

// action returns what to do now, and when to do more: never when that is zero.
func (s leaseStatus) action(now time.Time) (action, time.Time) {
	terminateAt, killAt := s.deadline.Add(-terminateMargin(s.ttl)), s.killTime(s.lostAt)
	if !s.lostAt.IsZero() {
		terminateAt = s.lostAt
	}
	switch {
	case !now.Before(killAt):
		return kill, time.Time{}
	case !now.Before(terminateAt):
		return terminate, killAt
	default:
		return keepRunning, terminateAt
	}
}

// killTime returns when a command that got SIGTERM at a time must be dead. A zero
// time is for a command that got none.
func (s leaseStatus) killTime(terminated time.Time) time.Time {
	killAt := s.deadline.Add(-killMargin(s.ttl))
	if graceEnd := terminated.Add(sigtermGrace(s.ttl)); !terminated.IsZero() && graceEnd.Before(killAt) {
		return graceEnd
	}
	return killAt
}

// raisedTTL says that etcd granted a longer TTL than was asked for, as it does where
// an election takes long; it is empty otherwise. Neither has the lock delay in it.
func raisedTTL(asked, granted, delay time.Duration) string {
	if granted <= asked {
		return ""
	}
	longer := "that long"
	if delay > 0 {
		longer = format.Duration(granted + delay)
	}
	return "etcd raised the TTL from " + format.Duration(asked) + " to " + format.Duration(granted) +
		": if this program dies, its locks last " + longer
}
