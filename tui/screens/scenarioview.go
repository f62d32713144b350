package screens

import (
	"strings"

	"etcd-lock/internal/format"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/describe"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
)

func (p *scenariosScreen) tableHeight() int {
	most := p.h / 2
	if p.Run != nil {
		most = p.h / 3
	}
	return max(min(p.table.Len()+2, most), 4)
}

func (p *scenariosScreen) View(w, h int) string {
	th := p.tableHeight()
	title := "scenarios" + ofClusters(p.Context) + filterTitle(p.table) + " · speed " + state.SpeedText(p.nextSpeed())
	parts := []string{p.Theme.Panel(title, p.table.View(!p.pager.Focused(), orUnmatched(p.Context, p.table, "no scenarios")), w, th, !p.pager.Focused(), false)}
	rest := h - th
	switch {
	case rest <= 0:
	case p.Run == nil:
		iw, ih := theme.Inner(w, rest, false)
		parts = append(parts, p.Theme.Panel("events", logTail(&p.Log, p.Theme, iw, ih, nil), w, rest, false, false))
	case w >= 120:
		lw := w * 3 / 5
		parts = append(parts, term.Beside(p.lanes(lw, rest, true), p.steps(w-lw-1, rest, true)))
	default:
		lh := min(len(p.Run.State.Lanes)+3, rest*3/5)
		parts = append(parts, p.lanes(w, lh, false))
		if rest > lh {
			parts = append(parts, p.steps(w, rest-lh, false))
		}
	}
	return strings.Join(parts, "\n")
}

func (p *scenariosScreen) lanes(w, h int, boxed bool) string {
	iw, ih := theme.Inner(w, h, boxed)
	title := term.CutMiddle(term.Safe(p.Run.Name), max(iw/3, 12)) + " · " + format.Duration(p.Run.State.Elapsed)
	if p.Run.OwnCluster {
		title += " in its own cluster"
	}
	if p.Run.Speed != 1 {
		title += " at " + state.SpeedText(p.Run.Speed)
	}
	if mark := p.Run.Mark(); mark != "" {
		title += " " + p.Theme.Paused.Render(" "+mark+" ")
	}
	content := scenarioLanes(p.Theme, p.Run.State.Lanes, p.Run.Length(), iw, ih)
	if p.Run.Over && len(p.Run.State.Lanes) == 0 {
		content = p.Theme.Dim.Render(term.Cut("  it ended before its clients were ready", iw))
	}
	return p.Theme.Panel(title, content, w, h, false, boxed)
}

// stepsShown is how many steps of a run that goes on can be scrolled back to: it is drawn
// often.
const stepsShown = 200

// steps are the newest steps of a run; when it is over, its verdict, and all of
// them.
func (p *scenariosScreen) steps(w, h int, boxed bool) string {
	iw, ih := theme.Inner(w, h, boxed)
	if p.Run.Over {
		lines := append(runVerdict(p.Run, p.Theme, iw), stepLines(p.Run, p.Theme, iw, p.Run.Count)...)
		return p.Theme.Panel("verdict and steps", p.pager.View(p.Theme, lines, ih), w, h, p.pager.Focused(), boxed)
	}
	lines := stepLines(p.Run, p.Theme, iw, stepsShown)
	if p.Run.Mark() != "" {
		lines = append(lines, nextLine(p.Run, p.Theme, iw))
	}
	return p.Theme.Panel("steps", p.pager.ViewEnd(p.Theme, lines, ih), w, h, p.pager.Focused(), boxed)
}

func (p *scenariosScreen) state(sc backend.Scenario, _ int) theme.Text {
	outcome, ran := p.Scenarios.Outcomes[sc.Name]
	switch {
	case p.Running() && p.Run.Name == sc.Name:
		return theme.Styled(p.Run.Sign(), p.Theme.Title)
	case ran:
		return outcomeSign(outcome, p.Theme)
	case sc.OwnCluster:
		return theme.Styled("· own cluster", p.Theme.Dim)
	default:
		return theme.Text{}
	}
}

// outcomeSign is how a run ended.
func outcomeSign(o state.Outcome, t *theme.Theme) theme.Text {
	switch {
	case o.Stopped:
		return theme.Styled("■ stopped", t.Dim)
	case o.Err != nil:
		return theme.Styled("✗ not run", t.Lost)
	case o.Failures > 0:
		return theme.Styled("✗ "+o.String(), t.Lost)
	default:
		return theme.Styled("✓ passed", t.Holding)
	}
}

// runVerdict is the outcome of a run, with all that was not as expected.
func runVerdict(r *state.Run, t *theme.Theme, w int) []string {
	outcome := r.Outcome()
	out := outcomeSign(outcome, t)
	lines := []string{out.Style.Render(term.Cut(out.Text+": "+format.Count(r.Count, "step", "steps")+" in "+format.Duration(r.State.Elapsed), w))}
	if r.Err != nil && !outcome.Stopped {
		lines = append(lines, term.Wrap("  "+term.Safe(r.Err.Error()), w, t.Lost.Render)...)
	}
	for _, f := range r.Failures {
		lines = append(lines, term.Wrap("  "+term.Safe(f), w, t.Lost.Render)...)
	}
	return append(lines, "")
}

// stepLines are the latest steps of a run, at most that many.
func stepLines(r *state.Run, t *theme.Theme, w, most int) []string {
	steps := r.Steps[max(len(r.Steps)-max(most, 0), 0):]
	lines := make([]string, 0, len(steps)+1)
	for _, s := range steps {
		style := t.Plain
		if s.Bad {
			style = t.Lost
		}
		at := term.Pad(format.Duration(s.At), 8, true) + " "
		lines = append(lines, t.Dim.Render(at)+style.Render(term.Cut(s.Text, w-term.Width(at))))
	}
	return lines
}

// nextLine is what comes next in a run.
func nextLine(r *state.Run, t *theme.Theme, w int) string {
	at, text := term.Pad("next", 8, true)+" ", term.Safe(r.State.Next)
	switch {
	case text == "":
		text = "a reply from etcd"
	case r.State.In > 0:
		text += ", in " + format.Duration(r.State.In)
	}
	return t.Dim.Render(at) + t.Waiting.Render(term.Cut(text, w-term.Width(at)))
}

// Describe implements nav.Describer.
func (p *scenariosScreen) Describe() []string {
	sc, ok := p.table.Current()
	if !ok {
		return nil
	}
	lines := append(describe.Field("scenario", sc.Name), describe.Field("about", sc.About)...)
	for _, name := range sc.Locks {
		lines = append(lines, describe.Field("lock", name)...)
	}
	return lines
}
