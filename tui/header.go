package tui

import (
	"strconv"
	"strings"
	"time"
)

// behindAfter is how long the watch may be behind what etcd said of its
// revision before that is shown: it learns of changes outside the prefix only
// every second or two.
const behindAfter = 4 * time.Second

// lag says how far the watch is behind etcd.
func (m *model) lag() sign {
	since := m.now.Sub(m.status.At)
	switch missing := m.status.Revision - m.live.snapshot.Revision; {
	case m.status.Revision == 0 || !m.connected():
		return sign{"lag ?", m.theme.dim}
	case missing <= 0 || since < behindAfter:
		return sign{"lag 0", m.theme.dim}
	default:
		return sign{"! lag " + strconv.FormatInt(missing, 10) + " rev, " + span(since), m.theme.warning}
	}
}

// headerFact is a part of the header. Those of the lowest rank stay longest.
type headerFact struct {
	sign
	rank int
}

// header is the line at the top: what must always be known.
func (m *model) header(w int) string {
	endpoint, prefix := safe(m.opts.Endpoint), safe(m.opts.Prefix)
	if prefix == "" {
		prefix = "all keys"
	}
	leader := "leader " + safe(m.status.Leader)
	if m.status.Leader == "" {
		leader = "leader ?"
	}
	facts := []headerFact{
		{sign{cut(endpoint, 40), m.theme.dim}, 4},
		{sign{cut(prefix, 24), m.theme.dim}, 5},
		{sign{cut(leader, 24), m.theme.dim}, 2},
		{sign{m.revision(), m.theme.plain}, 1},
		{m.lag(), 1},
	}
	if m.opts.ReadOnly {
		facts = append(facts, headerFact{sign{"read-only", m.theme.bold}, 3})
	}
	title, mark := m.theme.title.Render("etcd-lock")+"  ", m.stillMark(w)
	short := m.conn.text(m.theme, m.now, 0)
	room := w - width(mark) - width(short.text) - 2
	facts = fitFacts(facts, room)
	right := joinFacts(facts)
	if width(title)+width(right) > room {
		title = ""
	}
	state := m.conn.text(m.theme, m.now, w-width(title+mark+right)-2)
	left := title + mark + state.style.Render(state.text)
	gap := max(w-width(left)-width(right), 1)
	return cut(left+strings.Repeat(" ", gap)+right, w)
}

// revision is that of the picture; in the past, which has it in its mark, that of
// the present.
func (m *model) revision() string {
	if m.inPast() {
		return "live rev " + strconv.FormatInt(m.live.snapshot.Revision, 10)
	}
	return "rev " + strconv.FormatInt(m.shown().snapshot.Revision, 10)
}

// stillMark says loudly that the picture is not the live one.
func (m *model) stillMark(w int) string {
	if m.still == nil {
		return ""
	}
	style := m.theme.paused
	if m.still.past {
		style = m.theme.past
	}
	text := " " + m.still.mark + " "
	if m.still.about != "" && w >= 120 {
		text += m.still.about + " "
	}
	return style.Render(text) + "  "
}

func fitFacts(facts []headerFact, room int) []headerFact {
	for {
		need, out := 0, -1
		for i, f := range facts {
			need += width(f.text) + 2
			if out < 0 || f.rank > facts[out].rank {
				out = i
			}
		}
		if need <= room || out < 0 {
			return facts
		}
		facts = append(facts[:out:out], facts[out+1:]...)
	}
}

func joinFacts(facts []headerFact) string {
	var texts []string
	for _, f := range facts {
		texts = append(texts, f.style.Render(f.text))
	}
	return strings.Join(texts, "  ")
}

// bar is the views by number, and what is open in front of them.
func (m *model) bar(w int) string {
	text, _ := m.tabs()
	var b strings.Builder
	for _, tab := range text {
		b.WriteString(tab.style.Render(tab.text))
	}
	return cut(b.String(), w)
}

// tabs are the parts of the bar, and the view that each goes to.
func (m *model) tabs() (signs []sign, numbers []int) {
	here := m.nav.number()
	for number := 1; number <= maxView; number++ {
		s, ok := m.nav.views[number]
		if !ok {
			continue
		}
		style := m.theme.dim
		text := " " + strconv.Itoa(number) + " " + s.name()
		if number == here {
			style = m.theme.selected
		}
		if t, ok := s.(interface{ alert() sign }); ok && t.alert().text != "" {
			text += " " + t.alert().text
			if number != here {
				style = t.alert().style
			}
		}
		signs, numbers = append(signs, sign{text + " ", style}), append(numbers, number)
	}
	if front := m.nav.current(); !m.nav.isView(front) {
		signs, numbers = append(signs, sign{" → " + front.name(), m.theme.title}), append(numbers, 0)
	}
	return signs, numbers
}

// tabAt is the view whose tab is at x, 0 for none.
func (m *model) tabAt(x int) int {
	signs, numbers := m.tabs()
	at := 0
	for i, s := range signs {
		at += width(s.text)
		if x < at {
			return numbers[i]
		}
	}
	return 0
}

// statusLine is the line above the help: what is typed, else what has just
// happened, else what is going on.
func (m *model) statusLine(w int) string {
	if m.mode == modeFilter || m.mode == modePrompt || m.mode == modeCommand {
		return m.typing(w)
	}
	right := m.scenarios.summary()
	if m.inPast() {
		right = m.ahead()
	} else if m.still != nil && m.missed > 0 {
		right = strings.TrimSpace(count(m.missed, "update", "updates") + " missed  " + right)
	}
	left, style := m.statusText()
	if m.flashing() && width(left)+width(right) >= w {
		right = ""
	}
	left = cut(left, max(w-width(right)-1, 0))
	gap := max(w-width(left)-width(right), 0)
	return style.Render(left) + strings.Repeat(" ", gap) + m.theme.title.Render(right)
}
