package tui

import (
	"strconv"
	"strings"
	"time"
)

// behindAfter is how long the watch may be behind the revision that etcd told
// before that is shown: it learns of changes outside the prefix only every second
// or two.
const behindAfter = 4 * time.Second

// lag says how far the watch is behind etcd.
func lag(c *Context) sign {
	since := c.now.Sub(c.status.At)
	switch missing := c.status.Revision - c.live.Revision; {
	case c.status.Revision == 0 || !c.connected():
		return sign{"lag ?", c.theme.dim}
	case missing <= 0 || since < behindAfter:
		return sign{"lag 0", c.theme.dim}
	default:
		return sign{"! lag " + strconv.FormatInt(missing, 10) + " rev, " + span(since), c.theme.warning}
	}
}

// headerFact is a part of the header. Those of the lowest rank stay longest.
type headerFact struct {
	sign
	rank int
}

// headerFacts are the parts of the header at the right.
func headerFacts(c *Context, endpoint string) []headerFact {
	prefix, leader := safe(c.Prefix), "leader "+safe(c.status.Leader)
	if prefix == "" {
		prefix = "all keys"
	}
	if c.status.Leader == "" {
		leader = "leader ?"
	}
	facts := []headerFact{
		{sign{cut(safe(endpoint), 40), c.theme.dim}, 4},
		{sign{cut(prefix, 24), c.theme.dim}, 5},
		{sign{cut(leader, 24), c.theme.dim}, 2},
		{sign{shownRevision(c), c.theme.plain}, 1},
		{lag(c), 1},
	}
	if c.Can.ReadOnly {
		facts = append(facts, headerFact{sign{"read-only", c.theme.bold}, 3})
	}
	return facts
}

// header is the line at the top: what must always be known.
func header(c *Context, endpoint string, w int) string {
	title, mark := c.theme.title.Render("etcd-lock")+"  ", frozenMark(c, w)
	short := connectionSign(c, 0)
	room := w - width(mark) - width(short.text) - 2
	right := joinFacts(fitFacts(headerFacts(c, endpoint), room))
	if width(title)+width(right) > room {
		title = ""
	}
	state := connectionSign(c, w-width(title+mark+right)-2)
	left := title + mark + state.style.Render(state.text)
	gap := max(w-width(left)-width(right), 1)
	return cut(left+strings.Repeat(" ", gap)+right, w)
}

// connectionSign is whether etcd answers, in fewer words where there is little
// room.
func connectionSign(c *Context, w int) sign {
	conn := &c.conn
	switch {
	case !conn.begun:
		return sign{"○ connecting", c.theme.waiting}
	case !conn.lost:
		return sign{"● connected", c.theme.holding}
	}
	s := "✗ refused"
	if !conn.refused {
		s = "✗ not answering " + age(c.now, conn.since)
		if long := "✗ etcd not answering for " + age(c.now, conn.since); width(long) <= w {
			s = long
		}
	}
	if room := w - width(s) - 2; room >= 12 {
		s += ": " + cut(conn.reason(), room)
	}
	return sign{s, c.theme.lost}
}

// shownRevision is the revision of the snapshot on the screen. In the past, whose
// revision is in its mark, it is that of the live one.
func shownRevision(c *Context) string {
	if c.inPast() {
		return "live rev " + strconv.FormatInt(c.live.Revision, 10)
	}
	return "rev " + strconv.FormatInt(c.shown().Revision, 10)
}

// frozenMark says loudly that the snapshot on the screen is not the live one.
func frozenMark(c *Context, w int) string {
	if c.frozen == nil {
		return ""
	}
	style := c.theme.paused
	if c.frozen.past {
		style = c.theme.past
	}
	text := " " + c.frozen.mark + " "
	if c.frozen.about != "" && w >= 120 {
		text += c.frozen.about + " "
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
