//go:build unix

package supervise

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"etcd-lock/rwlock"
)

// supervisor watches over a running command and its locks.
type supervisor struct {
	*Spec
	session  *rwlock.Session
	child    *child
	lostAt   time.Time       // as in leaseStatus
	asked    <-chan struct{} // closes when others wait for a lock; nil once the command was signaled for that
	enforced action          // the most drastic action so far
	signaled bool            // the command was, because of its locks
}

// supervise returns when the command has ended.
func (s *supervisor) supervise(signals <-chan os.Signal, lost <-chan struct{}) ending {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if next := s.enforce(); !next.IsZero() {
			timer.Reset(time.Until(next))
		}
		select {
		case status := <-s.child.statuses:
			if !status.Stopped() {
				return s.child.ended(status)
			}
			if s.child.suspend(status.StopSignal()) {
				s.enforce() // before it continues: the suspension may have been long
				s.child.resume()
			}
		case sig := <-signals:
			s.child.forward(sig.(syscall.Signal))
		case <-lost:
			s.lostAt, lost = time.Now(), nil
		case <-s.asked:
			s.asked = nil
			s.ask()
		case <-timer.C:
		}
	}
}

func (s *supervisor) status() leaseStatus {
	return leaseStatus{deadline: s.session.Deadline(), ttl: s.session.TTL(), lostAt: s.lostAt}
}

// enforce signals the command if its locks demand that, and returns when to look
// again.
func (s *supervisor) enforce() time.Time {
	demanded, next := s.status().action(time.Now())
	if demanded > s.enforced {
		s.signaled = true
		s.signal(demanded)
	}
	s.enforced = demanded
	return next
}

func (s *supervisor) signal(a action) {
	reason := "the lease of " + s.locks() + " was not renewed in time"
	if !s.lostAt.IsZero() {
		reason = s.locks() + " was lost"
	}
	if a == kill {
		s.child.signal(unix.SIGKILL)
		s.reportInTime("%s: killed the command", reason)
		return
	}
	s.child.signal(unix.SIGTERM)
	s.child.signal(unix.SIGCONT) // a stopped process handles no other signal
	s.reportInTime("%s: terminating the command", reason)
	if cause := s.session.RenewalErr(); cause != nil && s.lostAt.IsZero() {
		s.reportInTime("why it was not renewed: %v", cause)
	}
}

// ask tells the command that others wait for its locks. It may go on as long as it wants.
func (s *supervisor) ask() {
	s.child.signal(s.OnAsk)
	if !s.Quiet {
		s.reportInTime("others wait for %s: sent %s to the command", s.locks(), unix.SignalName(s.OnAsk))
	}
}

// reportInTime reports something without waiting long for the terminal.
func (s *supervisor) reportInTime(format string, args ...any) {
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		s.reportf(format, args...)
	}()
	select {
	case <-reported:
	case <-time.After(reportTimeout(s.session.TTL())):
	}
}

// clearGroup waits until no process of the command's group is left, and kills
// those that are left when they must be dead. There is no notification of an empty
// process group, so it polls.
func (s *supervisor) clearGroup() {
	const pollInterval = 10 * time.Millisecond
	terminated := s.lostAt
	if terminated.IsZero() {
		terminated = time.Now()
	}
	killAt := s.status().killTime(terminated)
	for s.enforced < kill && s.child.signal(0) && time.Now().Before(killAt) {
		time.Sleep(min(pollInterval, time.Until(killAt)))
	}
	s.child.signal(unix.SIGKILL)
}
