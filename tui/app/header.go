package app

import (
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
)

// behindAfter is how long the watch may lag behind the revision of etcd's status
// before the header says so: it learns of changes outside the prefix only every
// second or two.
const behindAfter = 4 * time.Second

// lag says how far the watch is behind etcd.
func lag(c *nav.Context) theme.Text {
	since := c.Now.Sub(c.Status.At)
	switch missing := c.Status.Revision - c.Live.Revision; {
	case c.Status.Revision == 0 || !c.Connected():
		return theme.Styled("lag ?", c.Theme.Dim)
	case missing <= 0 || since < behindAfter:
		return theme.Styled("lag 0", c.Theme.Dim)
	default:
		return theme.Styled("! lag "+strconv.FormatInt(missing, 10)+" rev, "+format.Age(since), c.Theme.Warning)
	}
}

// headerFact is a part of the header. Those of the lowest rank stay longest.
type headerFact struct {
	text theme.Text
	rank int
}

// prefixesText names the prefixes in at most w columns, and counts those that have no
// room.
func prefixesText(prefixes keyspace.Prefixes, w int) string {
	if prefixes.All() {
		return "all keys"
	}
	text := term.Safe(strings.Join(prefixes, " "))
	if rest := len(prefixes) - 1; rest > 0 && term.Width(text) > w {
		count := " and " + strconv.Itoa(rest) + " more"
		return term.Cut(term.Safe(prefixes[0]), w-term.Width(count)) + count
	}
	return term.Cut(text, w)
}

// headerFacts are the parts of the header at the right.
func headerFacts(c *nav.Context, endpoint string) []headerFact {
	if c.Can.Recording {
		return []headerFact{
			{theme.Styled(term.Cut(term.Safe(endpoint), 40), c.Theme.Dim), 2},
			{theme.Styled(prefixesText(c.Prefixes, 24), c.Theme.Dim), 3},
		}
	}
	leader := "leader " + term.Safe(c.Status.Leader)
	if c.Status.Leader == "" || !c.Connected() {
		leader = "leader ?"
	}
	facts := []headerFact{
		{theme.Styled(term.Cut(term.Safe(endpoint), 40), c.Theme.Dim), 4},
		{theme.Styled(prefixesText(c.Prefixes, 24), c.Theme.Dim), 5},
		{theme.Styled(term.Cut(leader, 24), c.Theme.Dim), 2},
		{theme.Styled(shownRevision(c), c.Theme.Plain), 1},
		{lag(c), 1},
	}
	for _, f := range diagnose.Cluster(c.Status.Cluster) {
		switch f.Kind {
		case diagnose.OldServer:
			facts = append(facts, headerFact{theme.Styled("! etcd "+term.Cut(term.Safe(f.Servers[0].Version), 12), c.Theme.Warning), 3})
		case diagnose.Proxy:
			facts = append(facts, headerFact{theme.Styled("via a proxy", c.Theme.Warning), 3})
		default: // alarms are the sign at the left
		}
	}
	if c.Can.ReadOnly && c.Etcd.Name == "" {
		facts = append(facts, headerFact{theme.Styled("read-only", c.Theme.Bold), 3})
	}
	return facts
}

// header is the line at the top: what must always be known.
func header(c *nav.Context, endpoint string, w int) string {
	title, mark := c.Theme.Title.Render("etcd-lock")+"  ", contextMark(c)+frozenMark(c, w)
	short := connectionSign(c, 0)
	room := w - term.Width(mark) - term.Width(short.Text) - 2
	right := joinFacts(fitFacts(headerFacts(c, endpoint), room))
	if term.Width(title)+term.Width(right) > room {
		title = ""
	}
	state := connectionSign(c, w-term.Width(title+mark+right)-2)
	left := title + mark + state.Style.Render(state.Text)
	gap := max(w-term.Width(left)-term.Width(right), 1)
	return term.Cut(left+strings.Repeat(" ", gap)+right, w)
}

// connectionSign is whether etcd answers, in fewer words where there is little
// room.
func connectionSign(c *nav.Context, w int) theme.Text {
	conn := &c.Conn
	switch {
	case c.Can.Recording:
		return theme.Styled("no etcd", c.Theme.Dim)
	case !conn.Begun:
		return theme.Styled("○ connecting", c.Theme.Waiting)
	case !conn.Lost && len(c.Status.Cluster.Alarms) > 0:
		return alarmSign(c, w)
	case !conn.Lost:
		return theme.Styled("● connected", c.Theme.Holding)
	}
	s, reason := "✗ "+lostText(c, w-2), conn.Reason()
	if conn.NoLeader {
		reason = "it cannot read or write"
	}
	if room := w - term.Width(s) - 2; room >= 12 {
		s += ": " + term.Cut(reason, room)
	}
	return theme.Styled(s, c.Theme.Lost)
}

// lostText says since when etcd refuses, has no leader or does not answer, in fewer words where
// there is little room.
func lostText(c *nav.Context, w int) string {
	if c.Conn.Refused {
		return "refused"
	}
	what, since := "not answering", format.Since(c.Conn.Since, c.Now)
	if c.Conn.NoLeader {
		what = "no leader"
	}
	if long := what + " for " + since; term.Width(long) <= w {
		return long
	}
	return what + " " + since
}

// alarmSign says which alarms etcd has, and what they mean where there is room.
func alarmSign(c *nav.Context, w int) theme.Text {
	var names []string
	for _, a := range c.Status.Cluster.Alarms {
		names = append(names, map[inspect.Alarm]string{inspect.AlarmNoSpace: "NOSPACE", inspect.AlarmCorrupt: "CORRUPT"}[a])
	}
	s := "✗ alarm " + strings.Join(names, ", ")
	means := "no lock can be taken; releases work"
	if c.Status.Cluster.Alarms[0] == inspect.AlarmCorrupt {
		means = "all writes are refused, leases do not end"
	}
	if long := s + ": " + means; term.Width(long) <= w {
		s = long
	}
	return theme.Styled(s, c.Theme.Lost)
}

// shownRevision is the revision of the snapshot on the screen. In history mode,
// where the mark has that, it is the live revision.
func shownRevision(c *nav.Context) string {
	if c.InPast() {
		return "live rev " + strconv.FormatInt(c.Live.Revision, 10)
	}
	return "rev " + strconv.FormatInt(c.Shown().Revision, 10)
}

// frozenMark says loudly that the snapshot on the screen is not the live one.
func frozenMark(c *nav.Context, w int) string {
	if c.Frozen == nil {
		return ""
	}
	style := c.Theme.Paused
	if c.Frozen.Past {
		style = c.Theme.Past
	}
	text := " " + c.Frozen.Mark + " "
	if c.InRecording() {
		text += c.Play.Sign() + " "
	}
	switch {
	case w < 120 || c.Can.Recording:
	case c.Frozen.Past:
		text += "· " + c.Key("b") + " goes back to live "
	default:
		text += c.Key("space") + " resumes "
	}
	return style.Render(text) + "  "
}

func fitFacts(facts []headerFact, room int) []headerFact {
	for {
		need, out := 0, -1
		for i, f := range facts {
			need += term.Width(f.text.Text) + 2
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
		texts = append(texts, f.text.Style.Render(f.text.Text))
	}
	return strings.Join(texts, "  ")
}
