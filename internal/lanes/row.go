package lanes

import (
	"strings"
	"time"

	"etcd-lock/simulate/outcome"
)

// Scale maps times to columns: Columns show the duration Time.
type Scale struct {
	Columns int
	Time    time.Duration
}

// Column returns the column that a time is in.
func (s Scale) Column(at time.Duration) int {
	return int(at * time.Duration(s.Columns) / s.Time)
}

// first returns the first column that begins at a time or later.
func (s Scale) first(at time.Duration) int {
	return int((at*time.Duration(s.Columns) + s.Time - 1) / s.Time)
}

// Row returns the looks of a lane in n columns. A column shows the state at its
// beginning, in all lanes alike, so that two holds never seem to overlap that do not. A
// stretch between the beginnings of two columns is shown if the client does nothing else
// there. Marks are shown over states.
func Row(lane outcome.Lane, n int, scale Scale) []Look {
	row := make([]Look, n)
	for _, s := range lane.Stretches {
		look := OfState(s.State)
		from, to := scale.first(s.From), scale.first(s.To)
		for i := from; i < min(to, n); i++ {
			row[i] = look
		}
		if at := scale.Column(s.From); from == to && look != Idle && at < n && row[at] <= Idle {
			row[at] = look
		}
	}
	for _, m := range lane.Marks {
		if n > 0 {
			row[min(scale.Column(m.At), n-1)] = OfMark(m.Moment)
		}
	}
	return row
}

// Paint draws a row: paint gives the signs of equal columns their colour, all at once.
func Paint(row []Look, paint func(look Look, signs string) string) string {
	var b strings.Builder
	for len(row) > 0 {
		n := 1
		for n < len(row) && row[n] == row[0] {
			n++
		}
		b.WriteString(paint(row[0], strings.Repeat(row[0].Sign(), n)))
		row = row[n:]
	}
	return b.String()
}

// Legend explains the looks of rows that need it.
func Legend(rows [][]Look, paint func(look Look, signs string) string) string {
	used := map[Look]bool{}
	for _, row := range rows {
		for _, look := range row {
			used[look] = true
		}
	}
	var words []string
	for look := Nothing; look <= Fault; look++ {
		if used[look] && look.Meaning() != "" {
			words = append(words, paint(look, look.Sign())+" "+look.Meaning())
		}
	}
	return strings.Join(words, "  ")
}
