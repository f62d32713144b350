package verify

import (
	"fmt"

	"etcd-lock/rwlock"
)

// use is how a lock is held: in a mode, and if that is Slot, with permits of a semaphore.
type use struct {
	mode            rwlock.Mode
	weight, permits int // of mode Slot
}

func (s Stage) use() use { return use{s.Mode, s.Weight, s.Permits} }

func (c *Claim) use() use { return use{c.Mode, c.Weight, c.Permits} }

func (r *request) use() use { return use{r.Mode, r.weight, r.permits} }

// String says how the lock is held, as in "to write" and "for 2 of 3 permits".
func (u use) String() string {
	if u.mode == rwlock.Slot {
		return fmt.Sprintf("for %d of %d permits", u.weight, u.permits)
	}
	return "to " + u.mode.String()
}

// of is String with the name of the lock.
func (u use) of(lock string) string {
	if u.mode == rwlock.Slot {
		return u.String() + " of " + lock
	}
	return u.String() + " " + lock
}

// excludes reports whether two clients cannot hold a lock at the same time, even if no other
// one does. Three holders of a semaphore can exceed its permits although no two of them do:
// see taken.
func excludes(a, b use) bool {
	if a.mode == rwlock.Slot || b.mode == rwlock.Slot {
		return a.mode == b.mode && !taken{}.with(a).with(b).fit()
	}
	return a.mode == rwlock.Write || b.mode == rwlock.Write
}

// taken is the permits that holders of a semaphore take together. The smallest number of
// permits that any of them was told counts for all. The zero value is that of no holders.
type taken struct{ weight, permits int }

// with returns the permits taken with one holder more.
func (t taken) with(u use) taken {
	if t.permits == 0 || u.permits < t.permits {
		t.permits = u.permits
	}
	t.weight += u.weight
	return t
}

// fit reports whether so many permits can be taken at once.
func (t taken) fit() bool { return t.weight <= t.permits }
