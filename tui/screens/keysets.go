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
	off := nav.EitherOff(c.OffTake, nav.Unless(selected, "no lock is selected; "+newNameKey+" to type a name"))
	take := func(mode keyspace.Mode) func() nav.Action {
		return func() nav.Action {
			id, _, _ := current()
			return nav.Take{Lock: id, Mode: mode}
		}
	}
	giveBack := func() nav.Action {
		id, key, _ := current()
		return nav.GiveBack{Lock: id, Key: key}
	}
	return []widget.Binding{
		widget.Bind("r", "read", take(keyspace.Read), "r").Describe("request a read lock on the name").In(widget.InFooter).OffIf(off),
		widget.Bind("w", "write", take(keyspace.Write), "w").Describe("request a write lock on the name").In(widget.InFooter).OffIf(off),
		widget.Bind("u", "unlock", giveBack, "u").Describe("release or cancel your latest request").In(widget.InFooter).OffIf(off),
		widget.Bind("n", "new", func() nav.Action { return askName(c) }, newNameKey).Describe("type the name of a lock to take").In(widget.InFooter).OffIf(c.OffTake),
	}
}

// DangerTitle heads the keys that release the locks of others, in the help.
const DangerTitle = "dangerous (previews, then asks)"

// releaseBindings release a request or end its session by force. Each opens a
// dialog: no key does it unasked. current is the key and the lease of the request
// that they act on, empty and 0 if there is none.
func releaseBindings(c *nav.Context, current func() (key string, lease int64)) widget.Group {
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
		widget.Bind("ctrl+d", "release", one, "ctrl+d").Describe("the request under the cursor, by force").
			OffIf(nav.EitherOff(c.OffRelease, nav.Unless(hasKey, none))),
		widget.Bind("ctrl+k", "revoke", session, "ctrl+k").Describe("its session, releasing all of its locks").
			OffIf(nav.EitherOff(c.OffRelease, nav.Unless(hasEither, none))),
	}}
}

// endBinding is the key that ends a session by force, or does what ends a
// problem.
func endBinding(c *nav.Context, short, long string, do func() nav.Action, off func() widget.Off) widget.Group {
	return widget.Group{Title: DangerTitle, Bindings: []widget.Binding{
		widget.Bind("ctrl+k", short, do, "ctrl+k").Describe(long).OffIf(nav.EitherOff(c.OffRelease, off)),
	}}
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
		widget.Bind("t", "time", granted, "t").Describe("go to when the request was granted").
			OffIf(nav.EitherOff(c.OffTravel, nav.Unless(selected, "no request is selected"))),
		widget.Bind("H", "history", history, "H").Describe("the lock's changes, by revision").OffIf(c.OffTravel),
	}}
}
