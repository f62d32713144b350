package widget

import (
	"strings"

	"etcd-lock/tui/theme"
)

// Look is what one cell of a lane shows. Where several things happened within a
// cell, the greater look wins.
type Look byte

// The looks, the weakest first.
const (
	LookGone Look = iota // or not there yet
	LookIdle
	LookWaits
	LookWaitsHolding
	LookHolds // as a reader or as a writer
	LookReads
	LookWrites
	LookPaused
	LookBad
)

// LookSign is what a look is drawn with. Writing fills a lane, and reading leaves
// room for others.
func LookSign(t *theme.Theme, l Look) theme.Text {
	return [...]theme.Text{
		LookGone: theme.Styled(" ", t.Plain), LookIdle: theme.Styled("·", t.Dim), LookWaits: theme.Styled("░", t.Waiting), LookWaitsHolding: theme.Styled("▒", t.Waiting),
		LookHolds: theme.Styled("▇", t.Holding), LookReads: theme.Styled("▄", t.Holding), LookWrites: theme.Styled("█", t.Holding), LookPaused: theme.Styled("╌", t.Expiring), LookBad: theme.Styled("✗", t.Lost),
	}[l]
}

// DrawLane draws the cells of a lane, those that look the same in one go.
func DrawLane(t *theme.Theme, looks []Look) string {
	var b strings.Builder
	for len(looks) > 0 {
		n := 1
		for n < len(looks) && looks[n] == looks[0] {
			n++
		}
		s := LookSign(t, looks[0])
		b.WriteString(s.Style.Render(strings.Repeat(s.Text, n)))
		looks = looks[n:]
	}
	return b.String()
}
