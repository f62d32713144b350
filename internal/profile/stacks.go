package profile

import (
	"cmp"
	"slices"
	"time"
)

// Stack is what was waited for one chain at locks of one class.
type Stack struct {
	Frames []string // the head of the chain first, then who waited behind it, and the class last
	Waited time.Duration
}

// Frames returns the owners of a chain for a flame graph: the one that the others wait for
// first, with the end of the chain, and the one that waits last.
func (c Chain) Frames() []string {
	if c.Other() {
		return []string{otherName}
	}
	frames := slices.Clone(c.Owners)
	slices.Reverse(frames)
	if c.End == EndUnknown || c.End == EndOtherKey {
		return append([]string{c.End.String()}, frames...)
	}
	frames[0] += " " + c.End.String()
	return frames
}

// Stacks returns the waits of the whole time, the longest first.
func (p Profile) Stacks() []Stack {
	type place struct{ class, chain int }
	sums := map[place]time.Duration{}
	for _, c := range p.Cells {
		sums[place{c.Class, c.Chain}] += c.Waited
	}
	all := make([]Stack, 0, len(sums))
	for at, d := range sums {
		all = append(all, Stack{Frames: append(p.Chains[at.chain].Frames(), p.Classes[at.class].Name), Waited: d})
	}
	slices.SortFunc(all, func(a, b Stack) int {
		return cmp.Or(cmp.Compare(b.Waited, a.Waited), slices.Compare(a.Frames, b.Frames))
	})
	return all
}
