package verify

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/rwlock"
)

// Live judges holds while they last, in so little time and memory that it can go on for
// days. Call Begin after a lock was granted, and End before it is released.
//
// It finds the overlaps that Judge finds, and by the tokens whether locks were granted
// in the order of the requests. It does not know etcd's history.
type Live struct {
	mu    sync.Mutex
	locks map[string]*occupied
}

// Claim is a client's hold of one lock while it lasts.
type Claim struct {
	Client string
	Lock   string
	Mode   rwlock.Mode
	Token  int64                // 0 if the lock has no tokens, as in Stage
	Until  func() time.Duration // returns when its session ends if it is not renewed

	Weight, Permits int // of mode Slot, as in Stage

	from   time.Duration
	fenced bool // which was reported
}

// occupied is the claims to one lock.
type occupied struct {
	claims []*Claim
	last   map[use]*Claim // with the largest token so far
}

// NewLive returns a Live of locks that no client holds.
func NewLive() *Live { return &Live{locks: map[string]*occupied{}} }

// Begin notes that a client was notified of a grant at now, and returns the promises
// that this breaks.
func (l *Live) Begin(c *Claim, now time.Duration) Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	var v Verdict
	if c.Until() <= now {
		return v // its session had ended when it was notified
	}
	c.from = now
	o := l.locks[c.Lock]
	if o == nil {
		o = &occupied{last: map[use]*Claim{}}
		l.locks[c.Lock] = o
	}
	for _, a := range o.claims {
		if excludes(a.use(), c.use()) {
			a.overlap(c, &v)
		}
	}
	if c.Mode == rwlock.Slot && len(v.Violations) == 0 {
		o.checkPermits(c, &v)
	}
	o.checkOrder(c, &v)
	o.claims = append(o.claims, c)
	return v
}

// End notes that a client is about to release a lock, or no longer believes that it
// holds it.
func (l *Live) End(c *Claim) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o := l.locks[c.Lock]; o != nil {
		o.claims = slices.DeleteFunc(o.claims, func(a *Claim) bool { return a == c })
	}
}

// overlap judges that next was granted the lock before a had ended.
func (a *Claim) overlap(next *Claim, v *Verdict) {
	until := a.Until()
	switch {
	case until > next.from:
		v.breaks(Overlap, a, next, "%s was held at the same time by two clients that exclude each other: %s, %s", a.Lock, a, next)
	case a.Token == 0 || next.Token <= a.Token:
		v.breaks(Unfenced, a, next, "%s still believed to hold %s after its session had ended at %s, when %s: the token is not larger and fences nothing",
			a.Client, a.Lock, format.Clock(until), next)
	case !a.fenced:
		a.fenced = true
		v.Fenced = append(v.Fenced, Fence{Lock: a.Lock, Text: fmt.Sprintf(
			"%s still believed to hold %s after its session had ended at %s, when %s, which fences it", a.Client, a.Lock, format.Clock(until), next)})
	}
}

// checkPermits judges whether c and the other holders of a semaphore take no more permits than
// there are.
func (o *occupied) checkPermits(c *Claim, v *Verdict) {
	all, clients := taken{}.with(c.use()), []string{c.Client}
	for _, a := range slices.Backward(o.claims) {
		if a.Mode == rwlock.Slot && a.Until() > c.from {
			all, clients = all.with(a.use()), append(clients, a.Client)
		}
		if !all.fit() {
			slices.Reverse(clients)
			v.Violations = append(v.Violations, Violation{
				Kind: Overlap, Lock: c.Lock, Clients: clients,
				Text: fmt.Sprintf("%d permits of %s were held at the same time, which has %d, by %s: %s", all.weight, c.Lock, all.permits, format.List(clients, "and"), c),
			})
			return
		}
	}
}

// checkOrder judges whether c requested the lock after all earlier claims that exclude
// it, and notes c.
func (o *occupied) checkOrder(c *Claim, v *Verdict) {
	if c.Token == 0 {
		return
	}
	for u, before := range o.last {
		if excludes(u, c.use()) && before.Token >= c.Token {
			v.breaks(Unfair, before, c, "%s was not granted in the order of the requests: first %s, then %s", c.Lock, before, c)
		}
	}
	if before := o.last[c.use()]; before == nil || before.Token < c.Token {
		o.last[c.use()] = c
	}
}

func (v *Verdict) breaks(kind Kind, a, b *Claim, format string, args ...any) {
	v.Violations = append(v.Violations, Violation{
		Kind: kind, Lock: a.Lock, Clients: []string{a.Client, b.Client}, Text: fmt.Sprintf(format, args...),
	})
}

// String says what the client was granted, and when.
func (c *Claim) String() string {
	return fmt.Sprintf("%s was granted it %s with token %d at %s", c.Client, c.use(), c.Token, format.Clock(c.from))
}
