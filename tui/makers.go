package tui

// makers make the screens of each kind. Nothing else does.
var makers = map[Kind]func(*Context, Ref) screen{
	KindLocks:     func(c *Context, _ Ref) screen { return newLocksScreen(c) },
	KindSessions:  func(c *Context, _ Ref) screen { return newSessionsScreen(c) },
	KindProblems:  func(c *Context, _ Ref) screen { return newProblemsScreen(c) },
	KindClients:   func(c *Context, _ Ref) screen { return newClientsScreen(c) },
	KindScenarios: func(c *Context, _ Ref) screen { return newScenariosScreen(c) },
	KindPast:      func(c *Context, r Ref) screen { return newHistoryScreen(c, r) },
	KindEvents:    func(c *Context, _ Ref) screen { return newEventsScreen(c) },
	KindLock:      func(c *Context, r Ref) screen { return newLockScreen(c, r.Lock) },
	KindSession:   func(c *Context, r Ref) screen { return newSessionScreen(c, r.Session) },
	KindHistory:   func(c *Context, r Ref) screen { return newHistoryScreen(c, r) },
}

// newScreen makes the screen that a reference names.
func newScreen(c *Context, r Ref) screen { return makers[r.Kind](c, r) }
