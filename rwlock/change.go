package rwlock

import (
	"context"
	"errors"
)

// TryUpgrade turns a hold for reading into one for writing if no other client
// holds the lock or waits to write; otherwise it returns ErrLocked and the lock is
// still held for reading. It does not wait, because two readers that waited for
// each other would wait forever. The token grows, and does not shrink with a
// Downgrade.
//
// It returns ErrNotHeld when the lock is not held, also when an Unlock has released it
// meanwhile, and ErrLost when it was lost. It does nothing when the lock is held for
// writing.
func (m *RWMutex) TryUpgrade(ctx context.Context) error {
	held, loss := m.hold.current()
	if held == nil {
		return m.hold.notHeld()
	}
	reader := held.entries[len(held.entries)-1]
	if held.entries[0].mode == Write {
		return nil
	}
	session := m.hold.session
	up := newRequest(session, []LockRequest{{Name: m.name, Mode: Write}}, newOwner(m.hold.options.label))
	up.owner.Trace, up.owner.Upgrade = held.owner.Trace, true
	err := m.hold.run(ctx, func(ctx context.Context) error { return up.tryAcquireBeside(ctx, reader) })
	if err == nil {
		writer := up.entries[0]
		loss.add(writer)
		if m.hold.swap(held, &request{session: session, entries: []*entry{writer, reader}}) {
			return nil
		}
		loss.drop(writer)
		err = ErrNotHeld
	}
	if now, _ := m.hold.current(); now != held && errors.Is(err, ErrLost) {
		err = ErrNotHeld // Unlock has deleted the key
	}
	up.withdraw()
	return explain(ctx, session, up.String(), err)
}

// Downgrade turns a hold for writing into one for reading, without another writer
// being able to acquire the lock in between: waiting readers are granted the lock,
// waiting writers wait on. It returns ErrNoDowngrade unless the lock was acquired
// by RWLock with the option WithDowngrade or by TryUpgrade, and ErrNotHeld when it
// is not held. It does nothing when the lock is held for reading.
//
// From the call on, the lock is held for reading. As with UnlockContext, the
// writer's key is deleted in the background when ctx ends first.
func (m *RWMutex) Downgrade(ctx context.Context) error {
	held, loss := m.hold.current()
	switch {
	case held == nil:
		return m.hold.notHeld()
	case held.entries[0].mode == Read:
		return nil
	case len(held.entries) == 1:
		return named(ErrNoDowngrade, held.String())
	}
	session := m.hold.session
	writer, reader := held.entries[0], held.entries[1]
	if !m.hold.swap(held, &request{session: session, entries: []*entry{reader}, minToken: held.token()}) {
		return m.hold.notHeld()
	}
	m.hold.endTurn()
	loss.drop(writer)
	if err := held.release(ctx, writer); err != nil {
		return explain(ctx, session, held.String(), err)
	}
	return nil
}
