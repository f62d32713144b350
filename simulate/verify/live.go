package verify

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/rwlock"
)

// Live judges holds while their clients have them, in so little time and memory
// that it can go on for days. It must be told of a grant after the lock was
// given, and of an end before it is given back.
//
// Of holds in one mode it finds the overlaps that Judge finds, and by their
// tokens whether they came in the order in which they were asked for. It knows
// nothing of etcd's history.
type Live struct {
	mu    sync.Mutex
	locks map[string]*occupied
}

// Claim is a client's hold on one lock while it lasts.
type Claim struct {
	Client string
	Lock   string
	Mode   rwlock.Mode
	Token  int64                // 0 of a lock without tokens, as in Stage
	Until  func() time.Duration // when its session ends unless it is renewed before

	from   time.Duration
	fenced bool // which was told
}

// occupied is who has a lock, and who had it last.
type occupied struct {
	claims []*Claim
	last   map[rwlock.Mode]*Claim // with the largest token
}

// NewLive returns a judge of locks that nobody holds.
func NewLive() *Live { return &Live{locks: map[string]*occupied{}} }

// Begin notes that a client was told at now that it has a lock, and returns what
// that breaks.
func (l *Live) Begin(c *Claim, now time.Duration) Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	var v Verdict
	if c.Until() <= now {
		return v // it was dead when it arrived
	}
	c.from = now
	o := l.locks[c.Lock]
	if o == nil {
		o = &occupied{last: map[rwlock.Mode]*Claim{}}
		l.locks[c.Lock] = o
	}
	for _, a := range o.claims {
		if excludes(a.Mode, c.Mode) {
			a.meets(c, &v)
		}
	}
	o.inTurn(c, &v)
	o.claims = append(o.claims, c)
	return v
}

// End notes that a client is about to give a lock back, or believes in it no
// longer.
func (l *Live) End(c *Claim) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o := l.locks[c.Lock]; o != nil {
		o.claims = slices.DeleteFunc(o.claims, func(a *Claim) bool { return a == c })
	}
}

// meets judges that next was given the lock while a had not ended.
func (a *Claim) meets(next *Claim, v *Verdict) {
	until := a.Until()
	switch {
	case until > next.from:
		v.breaks(Overlap, a, next, "two held %s at once that exclude each other: %s, %s", a.Lock, a, next)
	case a.Token == 0 || next.Token <= a.Token:
		v.breaks(Unfenced, a, next, "%s believed in %s beyond the end of its session at %s, when %s: the token is not larger and fences nobody",
			a.Client, a.Lock, format.Clock(until), next)
	case !a.fenced:
		a.fenced = true
		v.Fenced = append(v.Fenced, Fence{Lock: a.Lock, Text: fmt.Sprintf(
			"%s believed in %s beyond the end of its session at %s, when %s, which fences it", a.Client, a.Lock, format.Clock(until), next)})
	}
}

// inTurn judges whether c comes after all that excluded it and went before, and
// notes it.
func (o *occupied) inTurn(c *Claim, v *Verdict) {
	if c.Token == 0 {
		return
	}
	for mode, before := range o.last {
		if excludes(mode, c.Mode) && before.Token >= c.Token {
			v.breaks(Unfair, before, c, "%s was served before one that had asked for it earlier: %s, %s", c.Lock, before, c)
		}
	}
	if before := o.last[c.Mode]; before == nil || before.Token < c.Token {
		o.last[c.Mode] = c
	}
}

func (v *Verdict) breaks(kind Kind, a, b *Claim, format string, args ...any) {
	v.Violations = append(v.Violations, Violation{
		Kind: kind, Lock: a.Lock, Clients: []string{a.Client, b.Client}, Text: fmt.Sprintf(format, args...),
	})
}

// String tells what the client was given, and when.
func (c *Claim) String() string {
	return fmt.Sprintf("%s was given it to %s with token %d at %s", c.Client, c.Mode, c.Token, format.Clock(c.from))
}
