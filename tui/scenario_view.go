package tui

import (
	"strings"

	"charm.land/lipgloss/v2"
)

func (p *scenariosScreen) tableHeight() int {
	most := p.h / 2
	if p.run != nil {
		most = p.h / 3
	}
	return max(min(p.table.len()+2, most), 4)
}

func (p *scenariosScreen) View(w, h int) string {
	th := p.tableHeight()
	title := "scenarios" + filterTitle(p.table) + " · speed " + speedText(p.nextSpeed())
	parts := []string{p.theme.panel(title, p.table.view(true, "there are none"), w, th, true, false)}
	rest := h - th
	switch {
	case rest <= 0:
	case p.run == nil:
		iw, ih := inner(w, rest, false)
		parts = append(parts, p.theme.panel("events", logTail(&p.log, p.theme, iw, ih, nil), w, rest, false, false))
	case w >= 120:
		lw := w * 3 / 5
		parts = append(parts, lipgloss.JoinHorizontal(lipgloss.Top, p.lanes(lw, rest, true), " ", p.steps(w-lw-1, rest, true)))
	default:
		lh := min(len(p.run.state.Lanes)+3, rest*3/5)
		parts = append(parts, p.lanes(w, lh, false))
		if rest > lh {
			parts = append(parts, p.steps(w, rest-lh, false))
		}
	}
	return strings.Join(parts, "\n")
}

func (p *scenariosScreen) lanes(w, h int, boxed bool) string {
	iw, ih := inner(w, h, boxed)
	title := cutMiddle(safe(p.run.name), max(iw/3, 12)) + " · " + seconds(p.run.state.Elapsed)
	if p.run.alone {
		title += " in its own cluster"
	}
	if p.run.speed != 1 {
		title += " at " + speedText(p.run.speed)
	}
	if mark := p.run.mark(); mark != "" {
		title += " " + p.theme.paused.Render(" "+mark+" ")
	}
	return p.theme.panel(title, scenarioLanes(p.theme, p.run.state.Lanes, p.run.length(), iw, ih), w, h, false, boxed)
}

// steps are the newest steps of a run; when it is over, its verdict, and all of
// them.
func (p *scenariosScreen) steps(w, h int, boxed bool) string {
	iw, ih := inner(w, h, boxed)
	if p.run.over {
		lines := append(runVerdict(p.run, p.theme, iw), stepLines(p.run, p.theme, iw, p.run.count)...)
		return p.theme.panel("verdict and steps", p.pager.view(p.theme, lines, ih), w, h, false, boxed)
	}
	lines := stepLines(p.run, p.theme, iw, ih)
	if p.run.mark() != "" {
		lines = append(lines, nextLine(p.run, p.theme, iw))
	}
	lines = lines[max(len(lines)-ih, 0):]
	return p.theme.panel("steps", strings.Join(lines, "\n"), w, h, false, boxed)
}

func (p *scenariosScreen) state(sc Scenario, _ int) cell {
	outcome, ran := p.scenarios.outcomes[sc.Name]
	switch {
	case p.running() && p.run.name == sc.Name:
		return cell{p.run.sign(), p.theme.title}
	case ran:
		return cell(outcomeSign(outcome, p.theme))
	case sc.Alone:
		return cell{"· own cluster", p.theme.dim}
	default:
		return cell{}
	}
}

// outcomeSign is how a run ended.
func outcomeSign(o runOutcome, t *theme) sign {
	switch {
	case o.stopped:
		return sign{"■ stopped", t.dim}
	case o.err != nil:
		return sign{"✗ not run", t.lost}
	case o.failures > 0:
		return sign{"✗ " + o.String(), t.lost}
	default:
		return sign{"✓ passed", t.holding}
	}
}

// runVerdict is the outcome of a run, with all that was not as expected.
func runVerdict(r *scenarioRun, t *theme, w int) []string {
	outcome := r.outcome()
	out := outcomeSign(outcome, t)
	lines := []string{out.style.Render(cut(out.text+": "+count(r.count, "step", "steps")+" in "+seconds(r.state.Elapsed), w))}
	if r.err != nil && !outcome.stopped {
		lines = append(lines, wrapped("  "+safe(r.err.Error()), w, t.lost.Render)...)
	}
	for _, f := range r.failures {
		lines = append(lines, wrapped("  "+safe(f), w, t.lost.Render)...)
	}
	return append(lines, "")
}

// stepLines are the latest steps of a run, at most that many.
func stepLines(r *scenarioRun, t *theme, w, most int) []string {
	steps := r.steps[max(len(r.steps)-max(most, 0), 0):]
	lines := make([]string, 0, len(steps)+1)
	for _, s := range steps {
		style := t.plain
		if s.Bad {
			style = t.lost
		}
		at := pad(seconds(s.At), 8, true) + " "
		lines = append(lines, t.dim.Render(at)+style.Render(cut(s.Text, w-width(at))))
	}
	return lines
}

// nextLine is what comes next in a run.
func nextLine(r *scenarioRun, t *theme, w int) string {
	at, text := pad("next", 8, true)+" ", safe(r.state.Next)
	switch {
	case text == "":
		text = "what etcd answers"
	case r.state.In > 0:
		text += ", in " + seconds(r.state.In)
	}
	return t.dim.Render(at) + t.waiting.Render(cut(text, w-width(at)))
}
