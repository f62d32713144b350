package app

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/diagnose"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/screens"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
)

// scrubber is the time line of a recording: how many requests waited over its time, when
// problems were found, and where in it the moment is that is shown.
type scrubber struct {
	*nav.Context
	zoomed int // how often the time was divided by zoomStep
	cells  int // as they were drawn
}

const (
	zoomStep   = 4
	maxZoom    = 6
	leastRange = time.Minute
)

// rows returns how many rows it takes on a screen of a height: one for all or, if there is
// room, one for the problems too.
func (s *scrubber) rows(h int) int {
	switch {
	case !s.InRecording() || h < 14:
		return 0
	case h < 30:
		return 1
	default:
		return 2
	}
}

// span returns the time that is shown: all, or the part around the moment.
func (s *scrubber) span() (from, to time.Time) {
	from, to = s.Overview.Begin, s.LastRecorded()
	whole := to.Sub(from)
	for range s.zoomed {
		whole /= zoomStep
	}
	if whole = max(whole, leastRange); s.zoomed == 0 || whole >= to.Sub(from) {
		return from, to
	}
	begin := s.Frozen.Cursor().Add(-whole / 2)
	if latest := to.Add(-whole); begin.After(latest) {
		begin = latest
	}
	if begin.Before(from) {
		begin = from
	}
	return begin, begin.Add(whole)
}

func (s *scrubber) zoom(by int) { s.zoomed = min(max(s.zoomed+by, 0), maxZoom) }

// step returns the time of a cell.
func (s *scrubber) step() time.Duration {
	from, to := s.Overview.Begin, s.LastRecorded()
	if s.InRecording() {
		from, to = s.span()
	}
	return max(to.Sub(from)/time.Duration(cmp.Or(s.cells, 60)), time.Second)
}

// labels are the beginning and the end of the time that is shown.
func (s *scrubber) labels() (left, right string) {
	from, to := s.span()
	form := "15:04:05"
	if from.YearDay() != to.YearDay() || to.Sub(from) > 24*time.Hour {
		form = "01-02 15:04"
	}
	left, right = from.Format(form), to.Format(form)
	if s.Overview.Read.After(s.Overview.Begin) {
		right += " reading …"
	}
	return left, right
}

// timeAt returns the time of a cell by its place on the screen.
func (s *scrubber) timeAt(x int) (time.Time, bool) {
	left, _ := s.labels()
	i := x - term.Width(left) - 1
	if i < 0 || i >= s.cells || s.Overview.End.IsZero() {
		return time.Time{}, false
	}
	from, to := s.span()
	return from.Add(time.Duration(float64(to.Sub(from)) * (float64(i) + 0.5) / float64(s.cells))), true
}

// view draws it in w columns.
func (s *scrubber) view(w, rows int) []string {
	switch {
	case rows == 0:
		return nil
	case len(s.Overview.Waiters) == 0:
		return append([]string{s.Theme.Dim.Render(term.Cut("reading the recording …", w))}, make([]string, rows-1)...)
	}
	most := max(slices.Max(s.Overview.Waiters), 0)
	left, right := s.labels()
	right += " max " + strconv.Itoa(most)
	s.cells = max(w-term.Width(left+right)-2, 1)
	from, to := s.span()
	waiters, marks := state.OverviewCells(&s.Overview, from, to, s.cells), s.marks(from, to)
	here := state.CellOf(s.Frozen.Cursor(), from, to, s.cells)
	var bars, above strings.Builder
	for i, n := range waiters {
		bar, mark := s.bar(n, most), marks[i]
		switch {
		case rows > 1 && i == here:
			mark = theme.Styled("▼", s.Theme.Past)
		case rows == 1 && i == here:
			bar = theme.Styled("│", s.Theme.Past)
		case rows == 1 && mark.Text != "":
			bar = mark
		}
		bars.WriteString(bar.Style.Render(bar.Text))
		if mark.Text == "" {
			mark.Text = " "
		}
		above.WriteString(mark.Style.Render(mark.Text))
	}
	line := s.Theme.Dim.Render(left) + " " + bars.String() + " " + s.Theme.Dim.Render(right)
	if rows == 1 {
		return []string{term.Cut(line, w)}
	}
	lead := strings.Repeat(" ", term.Width(left)+1)
	return []string{term.Cut(lead+above.String(), w), term.Cut(line, w)}
}

// bar is how many requests waited, of the most at any time.
func (s *scrubber) bar(n, most int) theme.Text {
	levels := []rune("▂▃▄▅▆▇█")
	switch n {
	case state.NotRead:
		return theme.Styled(" ", s.Theme.Plain)
	case state.NotRecorded:
		return theme.Styled("╌", s.Theme.Dim)
	case 0:
		return theme.Styled("▁", s.Theme.Dim)
	default:
		return theme.Styled(string(levels[(n*len(levels)-1)/max(most, 1)]), s.Theme.Waiting)
	}
}

// marks are the signs of the worst problems that were found in each cell.
func (s *scrubber) marks(from, to time.Time) []theme.Text {
	worst := make([]diagnose.Severity, s.cells)
	for _, m := range s.Overview.Marks {
		if m.Time.Before(from) || m.Time.After(to) {
			continue
		}
		i := state.CellOf(m.Time, from, to, s.cells)
		worst[i] = max(worst[i], state.SeverityOf(m.Severity))
	}
	signs := make([]theme.Text, s.cells)
	for i, severity := range worst {
		signs[i] = screens.SeveritySign(s.Theme, severity)
	}
	return signs
}

// doubtLines say why the locks may have been different, in w columns and at most that many lines.
func doubtLines(c *nav.Context, w, most int) []string {
	if !c.InPast() {
		return nil
	}
	var lines []string
	for _, d := range c.Frozen.Doubts {
		lines = append(lines, term.Wrap("? "+d, w, c.Theme.Warning.Render)...)
	}
	if len(lines) > most {
		lines = append(lines[:max(most-1, 0)], c.Theme.Warning.Render("? …"))
	}
	return lines
}
