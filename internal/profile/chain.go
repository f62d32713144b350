package profile

// End says why a chain of waits ends where it does.
type End int32

// The ends of chains.
const (
	EndIdle     End = -1 - iota // the last one holds the lock and waits for no other, as far as is known
	EndDeadlock                 // the last one waits for one before it in the chain
	EndOtherKey                 // the last one waits for a key that is no request for a lock
	EndUnknown                  // it is not known what the last one waits for
	EndDeeper                   // the chain is longer than is followed
)

// String returns the end in brackets, as it is written after a chain.
func (e End) String() string {
	switch e {
	case EndIdle:
		return "[idle holder]"
	case EndDeadlock:
		return "[deadlock]"
	case EndOtherKey:
		return "[other key]"
	case EndDeeper:
		return "[…]"
	default:
		return "[unknown]"
	}
}

// maxDepth bounds the owners of a chain.
const maxDepth = 16

// link is a chain: an owner, and the chain of what it waits for, by number. A negative
// number is an End.
type link struct{ owner, next int32 }

// known is a chain, with the last owner of it and its end.
type known struct {
	link
	head int32
	end  End
}

// chains numbers chains, up to a limit. Those beyond it are all number 0.
type chains struct {
	ids  map[link]int32
	list []known // by number
	most int
}

func newChains(most int) chains {
	return chains{ids: map[link]int32{}, list: []known{{end: EndUnknown}}, most: most}
}

func (c *chains) id(owner, next int32) int32 {
	l := link{owner, next}
	if id, ok := c.ids[l]; ok {
		return id
	}
	if next == other || len(c.list) > c.most {
		return other
	}
	k := known{link: l, head: owner, end: End(next)}
	if next > 0 {
		k.head, k.end = c.list[next].head, c.list[next].end
	}
	id := int32(len(c.list))
	c.ids[l] = id
	c.list = append(c.list, k)
	return id
}

// end returns the end of a chain, which may be one by itself.
func (c *chains) end(id int32) End {
	if id < 0 {
		return End(id)
	}
	return c.list[id].end
}

// owners returns the owners of a chain, the one that waits first. Of chain 0 they are not
// known.
func (c *chains) owners(id int32) []int32 {
	var all []int32
	for ; id > 0; id = c.list[id].next {
		all = append(all, c.list[id].owner)
	}
	return all
}

// head returns the last owner of a chain, which the others wait for; false if they wait for
// something else.
func (c *chains) head(id int32) (owner int32, ok bool) {
	k := c.list[id]
	return k.head, k.end == EndIdle || k.end == EndDeadlock || k.end == EndDeeper
}

// tail returns the chain that those who wait for a lock wait for: its holder, or, if there
// are several, the one that has held it longest, and whom that one waits for.
func (c *Collector) tail(l *lock, depth int) int32 {
	if depth == maxDepth {
		return int32(EndDeeper)
	}
	if l.onPath {
		return int32(EndDeadlock)
	}
	l.onPath = true
	defer func() { l.onPath = false }()
	s := c.step(l)
	switch {
	case s.wait == nil && s.first == nil:
		return int32(s.end)
	case s.wait == nil:
		return c.chains.id(s.first.owner, int32(s.end))
	case s.wait.session == s.first.session:
		return c.chains.id(s.first.owner, c.tail(s.wait.lock, depth+1))
	default: // it is a program that runs under the lock
		return c.chains.id(s.first.owner, c.chains.id(s.wait.owner, c.tail(s.wait.lock, depth+1)))
	}
}

// step is what is known of a lock by itself of whom its waiters wait for.
type step struct {
	first *entry // which they wait for; nil if that is no request
	wait  *entry // which the client of that one waits for; nil if it waits for none
	end   End    // if it does not
}

func (c *Collector) step(l *lock) step {
	var s step
	switch {
	case len(l.holders) > 0:
		s.first = l.holders[0]
	case len(l.others) == 0:
		return step{end: EndUnknown}
	default:
		if s.first = c.entries[l.others[0]]; s.first == nil {
			return step{end: EndOtherKey}
		}
	}
	if s.wait = s.first.session.wait(s.first.lock); s.wait == nil {
		s.end = EndIdle
	}
	return s
}

// wait returns the request that a session with a hold on a lock waits for; nil if it waits
// for none. It has waited longest for it. Where it waits behind itself, another of its
// threads holds the lock and is not known to wait.
func (s *session) wait(held *lock) *entry {
	for _, w := range s.waits {
		itself := w.lock == held || len(w.lock.holders) > 0 && w.lock.holders[0].session == s
		if w.session != s || !itself {
			return w
		}
	}
	return nil
}
