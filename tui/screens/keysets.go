package screens

import (
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/widget"
)

// newNameKey is the key that asks for the name of a lock.
const newNameKey = "n"

// takeBindings take and give back locks, on every screen that shows some.
// current is the lock that they act on, and the request for it that giving back
// prefers, if one is selected.
func takeBindings(c *nav.Context, current func() (id inspect.LockID, key string, ok bool)) []widget.Binding {
	selected := func() bool { _, _, ok := current(); return ok }
	off := nav.EitherOff(c.OffTake, nav.Unless(selected, "no lock is selected; "+c.KeyOn(nav.KindLocks, newNameKey)+" to type a name"))
	take := func(mode keyspace.Mode) func() nav.Action {
		return func() nav.Action {
			id, _, _ := current()
			return nav.Take{Lock: id, Mode: mode}
		}
	}
	unlock := func() nav.Action {
		id, key, _ := current()
		return nav.Unlock{Lock: id, Key: key}
	}
	return []widget.Binding{
		{
			Keys: "r", Short: "read", Long: "request a read lock on the name",
			Doc:   "request a read lock on the name",
			Where: widget.InFooter, Off: off, Do: take(keyspace.Read),
		},
		{
			Keys: "w", Short: "write", Long: "request a write lock on the name",
			Doc:   "request a write lock on the name",
			Where: widget.InFooter, Off: off, Do: take(keyspace.Write),
		},
		{
			Keys: "u", Short: "unlock", Long: "release or cancel your latest request",
			Doc:   "release or cancel your latest request; on the Lock screen, the one under the cursor if it is yours",
			Where: widget.InFooter, Off: off, Do: unlock,
		},
		{
			Keys: newNameKey, Short: "new", Long: "type the name of a lock to take",
			Doc:   "type the name of a lock to take, which need not exist",
			Where: widget.InFooter, Off: c.OffTake, Do: func() nav.Action { return askName(c) },
		},
	}
}

// ReleaseKey releases a request by force. It was ctrl+d, which goes down by half a page.
const ReleaseKey = "ctrl+x"

// DangerTitle heads the keys that release the locks of others, in the help.
const DangerTitle = "dangerous (previews, then asks)"

// releaseBindings release a request or end its session by force. Each opens a
// dialog: no key does it unasked. current is the key and the lease of the request
// that they act on, empty and 0 if there is none: the one under the table's cursor.
func releaseBindings(c *nav.Context, table widget.Grid, current func() (key string, lease int64)) widget.Group {
	hasKey := func() bool { key, _ := current(); return key != "" }
	hasEither := func() bool { key, lease := current(); return key != "" || lease != 0 }
	one := func() nav.Action {
		key, _ := current()
		return nav.PlanRelease{Target: diagnose.Target{Key: key}}
	}
	session := func() nav.Action {
		key, lease := current()
		if lease != 0 {
			return nav.PlanRelease{Target: diagnose.Target{Lease: lease}}
		}
		return nav.PlanRelease{Target: diagnose.Target{Key: key}}
	}
	const none = "no request is selected"
	return widget.Group{Title: DangerTitle, Bindings: []widget.Binding{
		{
			Keys: ReleaseKey, Short: "release", Long: "the request under the cursor, by force",
			Doc: "release the request under the cursor",
			Off: nav.EitherOff(c.OffRelease, nav.Unless(hasKey, none), table.OnlyCursor), Do: one,
		},
		{
			Keys: "ctrl+k", Short: "revoke", Long: "its session, releasing all of its locks",
			Doc: "revoke its session: its lease, with all of its keys",
			Off: nav.EitherOff(c.OffRelease, nav.Unless(hasEither, none), table.OnlyCursor), Do: session,
		},
	}}
}

// endBinding is the key that ends a session by force, or does what ends a
// problem.
func endBinding(c *nav.Context, short, long, doc string, do func() nav.Action, off func() widget.Off) widget.Group {
	return widget.Group{Title: DangerTitle, Bindings: []widget.Binding{
		{Keys: "ctrl+k", Short: short, Long: long, Doc: doc, Off: nav.EitherOff(c.OffRelease, off), Do: do},
	}}
}

// applyBinding is endBinding for a screen whose purpose that is.
func applyBinding(c *nav.Context, long, doc string, do func() nav.Action, off func() widget.Off) widget.Group {
	g := endBinding(c, "apply", long, doc, do, off)
	g.Bindings[0].Where = widget.InFooter
	return g
}

// historyBindings look into the history of a lock, and of a request for it.
func historyBindings(c *nav.Context, id inspect.LockID, current func() (r inspect.Request, ok bool)) widget.Group {
	selected := func() bool { _, ok := current(); return ok }
	granted := func() nav.Action {
		r, _ := current()
		return nav.GoToGrant{Request: r}
	}
	history := func() nav.Action { return nav.Batch{nav.ReadHistory{}, nav.OpenHistory(id)} }
	return widget.Group{Title: "past", Bindings: []widget.Binding{
		{
			Keys: "t", Short: "time", Long: "go to when the request was granted",
			Doc: "go to the revision at which the request was granted",
			Off: nav.EitherOff(c.OffTravel, nav.Unless(selected, "no request is selected")), Do: granted,
		},
		{
			Keys: "H", Short: "history", Long: "the lock's changes, by revision",
			Doc: "the lock's changes, by revision",
			Off: c.OffTravel, Do: history,
		},
	}}
}
