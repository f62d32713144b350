package tui

import (
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// newNameKey is the key that asks for the name of a lock.
const newNameKey = "n"

// takeBindings take and give back locks, on every screen that shows some.
// current is the lock that they act on, and the request for it that giving back
// prefers, if one is selected.
func takeBindings(c *Context, current func() (id inspect.LockID, key string, ok bool)) []Binding {
	selected := func() bool { _, _, ok := current(); return ok }
	off := eitherOff(c.offTake, unless(selected, "no name is selected; "+newNameKey+" to type one"))
	take := func(mode keyspace.Mode) func() Action {
		return func() Action {
			id, _, _ := current()
			return Take{Lock: id, Mode: mode}
		}
	}
	giveBack := func() Action {
		id, key, _ := current()
		return GiveBack{id, key}
	}
	return []Binding{
		bind("r", "read", take(keyspace.Read), "r").describe("ask for a read lock on the name").in(InFooter).offIf(off),
		bind("w", "write", take(keyspace.Write), "w").describe("ask for a write lock on the name").in(InFooter).offIf(off),
		bind("u", "unlock", giveBack, "u").describe("give back ours, the latest first").in(InFooter).offIf(off),
		bind("n", "new", func() Action { return askName(c) }, newNameKey).describe("type the name of a lock to take").in(InFooter).offIf(c.offTake),
	}
}

// releaseTitle heads the keys that release the locks of others, in the help.
const releaseTitle = "danger: shown first, and asked"

// releaseBindings release a request or end its session by force. Each opens a
// dialog: no key does it unasked. current is the key and the lease of the request
// that they act on, empty and 0 if there is none.
func releaseBindings(c *Context, current func() (key string, lease int64)) Group {
	hasKey := func() bool { key, _ := current(); return key != "" }
	hasEither := func() bool { key, lease := current(); return key != "" || lease != 0 }
	one := func() Action {
		key, _ := current()
		return PlanRelease{Target{Key: key}}
	}
	session := func() Action {
		key, lease := current()
		if lease != 0 {
			return PlanRelease{Target{Lease: lease}}
		}
		return PlanRelease{Target{Key: key}}
	}
	const none = "no request is selected"
	return Group{releaseTitle, []Binding{
		bind("ctrl+d", "delete", one, "ctrl+d").describe("release the request under the cursor by force").
			offIf(eitherOff(c.offRelease, unless(hasKey, none))),
		bind("ctrl+k", "kill", session, "ctrl+k").describe("end its session by force, with all of its locks").
			offIf(eitherOff(c.offRelease, unless(hasEither, none))),
	}}
}

// endBinding is the key that ends a session by force, or does what ends a
// problem.
func endBinding(c *Context, long string, do func() Action, off func() Off) Group {
	return Group{releaseTitle, []Binding{
		bind("ctrl+k", "kill", do, "ctrl+k").describe(long).offIf(eitherOff(c.offRelease, off)),
	}}
}

// historyBindings look into the history of a lock, and of a request for it.
func historyBindings(c *Context, id inspect.LockID, current func() (r inspect.Request, ok bool)) Group {
	selected := func() bool { _, ok := current(); return ok }
	granted := func() Action {
		r, _ := current()
		return GoToGrant{r}
	}
	history := func() Action { return Batch{ReadHistory{}, openHistory(id)} }
	return Group{"past", []Binding{
		bind("t", "time", granted, "t").describe("go to when the request was granted").
			offIf(eitherOff(c.offTravel, unless(selected, "no request is selected"))),
		bind("H", "history", history, "H").describe("what became of the lock's requests, by revision").offIf(c.offTravel),
	}}
}
