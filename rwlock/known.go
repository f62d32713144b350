package rwlock

import "time"

// Valid reports whether the lock is held, as far as is known: it was granted, was not
// unlocked, no loss was noticed, and the session has not ended. It sends nothing to etcd. Until
// Lost or a hook watches the key, its deletion is not noticed.
func (m *RWMutex) Valid() bool { return m.hold.isValid() }

// Until returns when the lock is lost unless the session is renewed before. It is the zero
// time when the lock is not held, and when it is on a concurrency.Session, which does not
// know. It sends nothing to etcd.
func (m *RWMutex) Until() time.Time { return m.hold.until() }

// Valid reports whether all locks of the set are held, as RWMutex.Valid does.
func (s *Set) Valid() bool { return s.hold.isValid() }

// Until returns when the locks are lost unless the session is renewed before, as
// RWMutex.Until does.
func (s *Set) Until() time.Time { return s.hold.until() }

func (h *hold) isValid() bool {
	_, loss := h.current()
	if loss == nil || loss.isKnown() {
		return false
	}
	s, known := h.session.(*Session)
	return !known || time.Now().Before(s.Deadline())
}

func (h *hold) until() time.Time {
	s, known := h.session.(*Session)
	if req, _ := h.current(); req == nil || !known {
		return time.Time{}
	}
	return s.Deadline()
}
