package rwlock

import "context"

// TryUpgrade turns a hold for reading into one for writing if nobody else holds
// the lock or waits to write, and returns ErrLocked otherwise; then it is still
// held for reading. It does not wait: two readers that waited for each other
// would wait for ever. The token grows, and stays so after a Downgrade.
//
// It returns ErrNotHeld when nothing is held and ErrLost when the lock was lost,
// and does nothing when the lock is held for writing.
func (m *RWMutex) TryUpgrade(ctx context.Context) error {
	held, loss := m.current()
	if held == nil {
		return ErrNotHeld
	}
	reader := held.claims[len(held.claims)-1]
	if held.claims[0].mode == Write {
		return nil
	}
	up := newRequest(m.session, []LockRequest{{Name: m.name, Mode: Write}}, newOwner(m.options.label))
	err := m.run(ctx, func(ctx context.Context) error { return up.tryBeside(ctx, reader) })
	if err == nil {
		writer := up.claims[0]
		loss.add(writer)
		if m.swap(held, &request{session: m.session, claims: []*claim{writer, reader}}) {
			return nil
		}
		loss.drop(writer)
		err = ErrNotHeld
	}
	up.withdraw()
	return explain(ctx, m.session, up.String(), err)
}

// Downgrade turns a hold for writing into one for reading, with nobody able to
// slip in between: readers that wait are let in, writers wait on. The hold must
// be one of RWLock with the option WithDowngrade, else it is ErrNoDowngrade, or
// of TryUpgrade. It does nothing when the lock is held for reading.
//
// From the call on, the lock is held for reading. As with UnlockContext, the
// writer's key is removed in the background when ctx ends first.
func (m *RWMutex) Downgrade(ctx context.Context) error {
	held, loss := m.current()
	switch {
	case held == nil:
		return ErrNotHeld
	case held.claims[0].mode == Read:
		return nil
	case len(held.claims) == 1:
		return ErrNoDowngrade
	}
	writer, reader := held.claims[0], held.claims[1]
	if !m.swap(held, &request{session: m.session, claims: []*claim{reader}, floor: held.token()}) {
		return ErrNotHeld
	}
	loss.drop(writer)
	if err := held.release(ctx, writer); err != nil {
		return explain(ctx, m.session, held.String(), err)
	}
	return nil
}
