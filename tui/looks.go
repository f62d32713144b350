package tui

import "strings"

// look is what one cell of a lane shows. Where several things happened within a
// cell, the greater look wins.
type look byte

const (
	lookGone look = iota // or not there yet
	lookIdle
	lookWaits
	lookWaitsHolding
	lookHolds // as a reader or as a writer
	lookReads
	lookWrites
	lookPaused
	lookBad
)

// lookSign is what a look is drawn with. Writing fills a lane, and reading leaves
// room for others.
func lookSign(t *theme, l look) sign {
	return [...]sign{
		lookGone: {" ", t.plain}, lookIdle: {"·", t.dim}, lookWaits: {"░", t.waiting}, lookWaitsHolding: {"▒", t.waiting},
		lookHolds: {"▇", t.holding}, lookReads: {"▄", t.holding}, lookWrites: {"█", t.holding}, lookPaused: {"╌", t.expiring}, lookBad: {"✗", t.lost},
	}[l]
}

// drawLane draws the cells of a lane, those that look the same in one go.
func drawLane(t *theme, looks []look) string {
	var b strings.Builder
	for len(looks) > 0 {
		n := 1
		for n < len(looks) && looks[n] == looks[0] {
			n++
		}
		s := lookSign(t, looks[0])
		b.WriteString(s.style.Render(strings.Repeat(s.text, n)))
		looks = looks[n:]
	}
	return b.String()
}
