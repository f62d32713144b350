// Package screens is the screens. Each is made here only, by its reference.
package screens

import (
	"etcd-lock/tui/nav"
)

// makers make the screens of each kind. Nothing else does.
var makers = map[nav.Kind]func(*nav.Context, nav.Ref) nav.Screen{
	nav.KindLocks:         func(c *nav.Context, _ nav.Ref) nav.Screen { return newLocksScreen(c) },
	nav.KindSessions:      func(c *nav.Context, _ nav.Ref) nav.Screen { return newSessionsScreen(c) },
	nav.KindProblems:      func(c *nav.Context, _ nav.Ref) nav.Screen { return newProblemsScreen(c) },
	nav.KindClients:       func(c *nav.Context, _ nav.Ref) nav.Screen { return newClientsScreen(c) },
	nav.KindHot:           func(c *nav.Context, _ nav.Ref) nav.Screen { return newHotScreen(c) },
	nav.KindScenarios:     func(c *nav.Context, _ nav.Ref) nav.Screen { return newScenariosScreen(c) },
	nav.KindPast:          func(c *nav.Context, r nav.Ref) nav.Screen { return newHistoryScreen(c, r) },
	nav.KindEvents:        func(c *nav.Context, _ nav.Ref) nav.Screen { return newEventsScreen(c) },
	nav.KindLock:          func(c *nav.Context, r nav.Ref) nav.Screen { return newLockScreen(c, r.Lock) },
	nav.KindSession:       func(c *nav.Context, r nav.Ref) nav.Screen { return newSessionScreen(c, r.Session) },
	nav.KindHistory:       func(c *nav.Context, r nav.Ref) nav.Screen { return newHistoryScreen(c, r) },
	nav.KindCommands:      func(c *nav.Context, _ nav.Ref) nav.Screen { return newCommandsScreen(c) },
	nav.KindNotifications: func(c *nav.Context, _ nav.Ref) nav.Screen { return newNotificationsScreen(c) },
	nav.KindText:          func(c *nav.Context, r nav.Ref) nav.Screen { return newTextScreen(c, r) },
}

// New makes the screen that a reference names.
func New(c *nav.Context, r nav.Ref) nav.Screen { return makers[r.Kind](c, r) }
