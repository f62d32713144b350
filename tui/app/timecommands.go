package app

import (
	"cmp"
	"strconv"
	"strings"

	"etcd-lock/internal/format"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
)

// timeCommands are those of time travel.
func timeCommands(c *nav.Context) []command {
	live := "back to live"
	if c.Can.Recording {
		live = "the end of the recording"
	}
	all := []command{
		{name: "rev", args: "N", about: "the locks as they were at revision N", run: func(arg string) nav.Action { return goToRevision(c, arg) }},
		{name: "at", args: "TIME", about: "the locks as at 03:12, -2h or 2026-11-27T03:12:04Z", run: func(arg string) nav.Action { return goToTime(c, arg) }},
		{name: "end", about: "the end of the recording", run: func(string) nav.Action {
			if off := c.OffClock(); off.Why != "" {
				return nav.Fail("end: " + off.Why)
			}
			return nav.GoTo{Place: backend.Place{End: true}}
		}},
		{name: "play", args: "SPEED", about: "play the recording; 10 is ten times as fast", run: func(arg string) nav.Action { return playAt(c, arg) }},
		{name: "live", about: live, run: func(string) nav.Action { return nav.GoLive{} }},
	}
	off := c.OffTravel().Why
	for i := range all {
		all[i].off = off
	}
	return all
}

func goToRevision(c *nav.Context, arg string) nav.Action {
	n, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || n <= 0 {
		return nav.Fail("rev: want a revision, such as " + strconv.FormatInt(cmp.Or(c.Live.Revision, c.Shown().Revision, 812), 10))
	}
	return nav.GoTo{Place: backend.Place{Revision: n}}
}

// goToTime goes to a time. Without a date, it is the last one that was recorded.
func goToTime(c *nav.Context, arg string) nav.Action {
	if off := c.OffClock(); off.Why != "" {
		return nav.Fail("at: " + off.Why)
	}
	last := c.LastRecorded()
	if last.IsZero() {
		last = c.Now
	}
	at, err := format.ParseTime(arg, c.Now, last)
	if err != nil {
		return nav.Fail("at: " + err.Error())
	}
	return nav.GoTo{Place: backend.Place{Time: at}}
}

// playAt plays the recording, at a speed if one is given.
func playAt(c *nav.Context, arg string) nav.Action {
	if off := c.OffPlay(); off.Why != "" {
		return nav.Fail("play: " + off.Why)
	}
	var play nav.Batch
	if arg != "" {
		n, err := strconv.Atoi(strings.TrimRight(arg, "x×"))
		if err != nil || n < 1 || n > state.MaxSpeed {
			return nav.Fail("play: a speed from 1 to " + strconv.Itoa(state.MaxSpeed))
		}
		play = append(play, nav.PlaySpeed{Speed: n})
	}
	if !c.Play.On {
		play = append(play, nav.Play{})
	}
	return play
}
