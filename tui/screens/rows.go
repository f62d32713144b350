package screens

import "etcd-lock/internal/inspect"

// Row is the request that stands for the row under the cursor: that of the first holder or,
// without one, of the first waiter.
func (s *locksScreen) Row() (inspect.Request, bool) {
	l, ok := s.selected()
	if !ok {
		return inspect.Request{}, false
	}
	for _, r := range l.Queue {
		if r.Holding {
			return r, true
		}
	}
	if len(l.Queue) > 0 {
		return l.Queue[0], true
	}
	return inspect.Request{Lock: l.ID}, true
}

// Row is the request under the cursor.
func (s *lockScreen) Row() (inspect.Request, bool) { return s.selected() }

// Row is the first request of the session under the cursor.
func (s *sessionsScreen) Row() (inspect.Request, bool) {
	r, ok := s.table.Current()
	if !ok || len(r.Requests) == 0 {
		return inspect.Request{}, false
	}
	return r.Requests[0], true
}

// Row is the first request that the finding under the cursor is about.
func (s *problemsScreen) Row() (inspect.Request, bool) {
	p, ok := s.table.Current()
	switch {
	case !ok:
		return inspect.Request{}, false
	case len(p.Requests) > 0:
		return p.Requests[0], true
	case len(p.Locks) > 0:
		return inspect.Request{Lock: p.Locks[0]}, true
	default:
		return inspect.Request{}, false
	}
}

// Row is the request under the cursor.
func (s *sessionScreen) Row() (inspect.Request, bool) { return s.table.Current() }
