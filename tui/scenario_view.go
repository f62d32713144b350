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
	return max(min(len(p.table.rows)+2, most), 4)
}

func (p *scenariosScreen) view(w, h int) string {
	th := p.tableHeight()
	title := "scenarios" + filterTitle(p.table) + " · speed " + p.speedText(p.nextSpeed())
	parts := []string{p.theme.panel(title, p.table.view(true, "there are none"), w, th, true, false)}
	rest := h - th
	switch {
	case rest <= 0:
	case p.run == nil:
		iw, ih := inner(w, rest, false)
		parts = append(parts, p.theme.panel("events", p.log.tail(p.theme, iw, ih, nil), w, rest, false, false))
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
		title += " at " + p.speedText(p.run.speed)
	}
	if mark := p.run.mark(); mark != "" {
		title += " " + p.theme.paused.Render(" "+mark+" ")
	}
	return p.theme.panel(title, scenarioLanes(p.theme, p.run.state.Lanes, p.run.long(), iw, ih), w, h, false, boxed)
}

// steps are the newest steps of a run; when it is over, its verdict, and all of
// them.
func (p *scenariosScreen) steps(w, h int, boxed bool) string {
	iw, ih := inner(w, h, boxed)
	if p.run.over {
		lines := append(p.run.verdict(p.theme, iw), p.run.lines(p.theme, iw, p.run.count)...)
		return p.theme.panel("verdict and steps", p.below.view(p.theme, lines, ih), w, h, false, boxed)
	}
	lines := p.run.lines(p.theme, iw, ih)
	if p.run.mark() != "" {
		lines = append(lines, p.run.ahead(p.theme, iw))
	}
	lines = lines[max(len(lines)-ih, 0):]
	return p.theme.panel("steps", strings.Join(lines, "\n"), w, h, false, boxed)
}

func (p *scenariosScreen) state(sc Scenario, _ int) cell {
	outcome, ran := p.outcomes[sc.Name]
	switch {
	case p.running() && p.run.name == sc.Name:
		return cell{p.run.sign(), p.theme.title}
	case sc.Alone && !ran:
		return cell{"· own cluster", p.theme.dim}
	}
	return cell(outcome)
}

// summary is the running scenario, and what is recorded, in a few words.
func (p *scenariosScreen) summary() string {
	var parts []string
	if p.tape != nil {
		parts = append(parts, "● recording "+age(p.now, p.tape.since))
	}
	if p.running() {
		parts = append(parts, p.run.sign()+" "+safe(p.run.name)+" "+span(p.run.state.Elapsed))
	}
	return strings.Join(parts, "  ")
}
