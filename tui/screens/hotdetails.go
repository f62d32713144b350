package screens

import (
	"slices"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/format"
	"etcd-lock/internal/profile"
	"etcd-lock/tui/term"
)

// hotAbout is the text below the table, of a row in a width.
type hotAbout struct {
	row   *hotRow
	w     int
	lines []string
}

// lines returns what is known of a row: its waits over time, how long it waited and held,
// and in which chains or at which classes.
func (s *hotScreen) lines(r *hotRow, w int) []string {
	if s.about.row == r && s.about.w == w {
		return s.about.lines
	}
	lines := s.overTime(r, w)
	for _, spread := range []struct {
		what string
		profile.Spread
	}{{"waits", r.wait}, {"holds", r.hold}} {
		if spread.Count > 0 {
			lines = append(lines, spread.what+" "+strconv.Itoa(spread.Count)+s.Theme.Dim.Render(
				" · p50 "+amount(spread.Spread, spread.P50)+" · p99 "+amount(spread.Spread, spread.P99)+" · max "+amount(spread.Spread, spread.Max)))
		}
	}
	if r.caused > 0 {
		lines = append(lines, "others waited "+format.Brief(r.caused)+s.Theme.Dim.Render(" in chains that it is at the end of"))
	}
	if r.unknown {
		lines = append(lines, s.Theme.Dim.Render("clients that wait for these locks leave no key, so their waits are not known"))
	}
	if len(r.costs) > 0 {
		lines = append(lines, "", s.costsTitle())
	}
	for _, c := range r.costs {
		lines = append(lines, "  "+term.Pad(format.Brief(c.waited), 8, true)+"  "+c.name)
	}
	for i, l := range lines {
		lines[i] = term.Cut(l, w)
	}
	s.about = hotAbout{r, w, lines}
	return lines
}

func (s *hotScreen) costsTitle() string {
	switch s.by {
	case byOwner:
		return "the chains that it is in, from the one that waits to the one that is waited for:"
	case byChain:
		return "at locks of:"
	default:
		return "who waited for whom:"
	}
}

// overTime draws how much a row waited over the time.
func (s *hotScreen) overTime(r *hotRow, w int) []string {
	from, to := s.costs.From, s.costs.To
	left, right := s.clock(from)+" ", " "+s.clock(to)
	n := w - term.Width(left+right)
	if n < 1 || r.waited == 0 || !from.Before(to) {
		return nil
	}
	cells := make([]float64, n)
	perCell := float64(to.Sub(from)) / float64(n)
	for part, d := range r.series {
		begin := float64(s.costs.Width) * float64(part) / perCell
		end := min(begin+float64(s.costs.Width)/perCell, float64(n))
		for i := int(begin); i < n && float64(i) < end; i++ {
			cells[i] += float64(d) * (min(end, float64(i+1)) - max(begin, float64(i))) / (end - begin)
		}
	}
	most, levels := slices.Max(cells), []rune("▂▃▄▅▆▇█")
	var b strings.Builder
	for _, d := range cells {
		sign := '▁'
		if d > 0 {
			sign = levels[min(int(d/most*float64(len(levels))), len(levels)-1)]
		}
		b.WriteRune(sign)
	}
	return []string{s.Theme.Dim.Render(left) + s.Theme.Waiting.Render(b.String()) + s.Theme.Dim.Render(right)}
}

// Describe implements nav.Describer.
func (s *hotScreen) Describe() []string {
	r, ok := s.table.Current()
	if !ok {
		return nil
	}
	var lines []string
	for _, l := range s.lines(r, describeWidth) {
		lines = append(lines, ansi.Strip(l))
	}
	return lines
}

// describeWidth is the width of a description, of which the waits over time are as wide.
const describeWidth = 160
