package app

import (
	"context"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/backend/backendtest"
	"etcd-lock/tui/looptest"
)

// night records an hour from three o'clock on: at 03:00 billing holds /orders, from 03:10
// on report waits for it, at 03:12 that is a problem, at 03:20 billing is gone and report
// holds; nothing is recorded from 03:30 to 03:40, and at 04:00 the recording ends.
func night(c *clock) (*backendtest.Tape, *backendtest.Cluster) {
	tape, cluster := &backendtest.Tape{}, backendtest.NewCluster(c.Now)
	c.add(time.Date(2026, 3, 14, 3, 0, 0, 0, time.UTC).Sub(c.Now()))
	put := func(label string, lease int64) inspect.Request {
		return cluster.Put(inspect.Request{
			Lock: rw("/orders"), Mode: keyspace.Write, Lease: lease, Owned: true, Since: c.Now(),
			Owner: keyspace.Owner{Host: "web-1", PID: int(lease), Program: "svc", Label: label}.Ref(),
		})
	}
	alive := map[int64]inspect.Lease{0xa1: {State: inspect.LeaseAlive, Granted: 30 * time.Second, Remaining: 28 * time.Second}}
	billing := put("billing", 0xa1)
	tape.Take(cluster, alive)
	c.add(10 * time.Minute)
	put("report", 0xa2)
	tape.Take(cluster, alive)
	c.add(2 * time.Minute)
	tape.Marks = []backend.Mark{{Time: c.Now(), Severity: "warning", Text: "report has waited for /orders"}}
	tape.Notes = []backend.Note{{Place: backend.Place{Revision: 102, Time: c.Now()}, Severity: "warning", Text: "warning: report has waited for /orders"}}
	tape.Take(cluster, alive)
	c.add(8 * time.Minute)
	cluster.Remove(billing.Lock, billing.Key)
	tape.Take(cluster, nil)
	c.add(10 * time.Minute)
	tape.Take(cluster, nil, "nothing was recorded from 03:30:00 to 03:40:00 (the recorder was started again): these are the locks before that")
	c.add(10 * time.Minute)
	put("late", 0xa3)
	tape.Take(cluster, nil)
	c.add(20 * time.Minute)
	tape.Take(cluster, nil)
	c.add(6 * time.Hour) // it is looked at in the morning
	return tape, cluster
}

// newReplay is a driver of the UI on the recording of a night, without an etcd.
func newReplay(t *testing.T, change func(*backendtest.Tape, *backend.Options)) *driver {
	t.Helper()
	ck := newClock()
	tape, cluster := night(ck)
	o := backend.Options{
		Prefixes: keyspace.Prefixes{"/"}, Endpoint: "/var/lib/etcd-lock", Past: tape, Archive: tape, Start: backend.Place{End: true},
		ReadOnly: true, NoColor: true, Now: ck.Now,
	}
	if change != nil {
		change(tape, &o)
	}
	ctx, cancel := context.WithCancel(t.Context())
	d := &driver{t: t, m: New(ctx, o), clock: ck, cluster: cluster, loop: looptest.New(ctx)}
	t.Cleanup(func() {
		cancel()
		if err := d.m.Close(patience); err != nil {
			t.Error(err)
		}
	})
	d.send(resize(80, 24))
	d.loop.Start(d.m.Init())
	d.until("the end is shown", func() bool { return d.m.InRecording() && !d.m.Overview.End.IsZero() })
	d.idle()
	return d
}

// withTape is a driver of a live cluster whose night was recorded.
func withTape(t *testing.T) *driver {
	t.Helper()
	ck := newClock()
	tape, cluster := night(ck)
	d := newDriver(t, func(o *backend.Options) {
		o.Source, o.Health, o.Locker = cluster, cluster, cluster
		o.Past, o.Archive, o.Now = tape, tape, ck.Now
	})
	d.clock, d.cluster = ck, cluster
	return d
}

// at goes on until the moment of a time is shown, and what is known of it.
func (d *driver) at(clock string) {
	d.t.Helper()
	d.until("at "+clock, func() bool {
		return d.m.InRecording() && d.m.Frozen.At.Format(time.TimeOnly) == clock && d.m.effects.Idle()
	})
}

func (d *driver) command(text string) {
	d.press(":")
	d.typed(text)
	d.press("enter")
}

// The screens show the locks as they were, with ages, TTLs and problems of that time.
func TestReplay(t *testing.T) {
	d := newReplay(t, nil)
	d.mustShow("RECORDED 2026-03-14 04:00:00 rev 104")
	d.mustShow("/var/lib/etcd-lock")
	d.mustShow("the recording ends here")
	d.command("at 03:12")
	d.at("03:12:00")
	d.mustShow("RECORDED 2026-03-14 03:12:00 rev 102")
	d.mustShow("ends 48m later: b")
	d.row("/orders ").has("!", "▲ contended", "  2m ", "≤12m")
	d.row("● write").has("billing svc[161]@web-1", "28s")
	d.press("2")
	d.row("…00000a1").has("28s", "30s", "· not due")
	d.press("3")
	d.mustShow("long-wait")
	d.mustShow("had waited 2m for")
	d.mustNotShow("etcd-lock release")
	d.press("7")
	d.mustShow("03:12:00 ! problem  warning: report has waited for /orders")
	d.mustShow("03:10:00 ○ waiting  write /orders  report")
	d.mustNotShow("03:20:00")
	d.press("1", "enter")
	d.in("lock")
	d.mustShow("░░")
	d.mustShow("then")
	d.press("H")
	d.in("history")
	d.row("102 ○ waiting").has("03:10:00")

	t.Run("OtherMomentsOtherEvents", func(t *testing.T) {
		d.press("7")
		d.command("at 03:25")
		d.at("03:25:00")
		d.mustShow("03:20:00 ● granted  write /orders  report")
		d.command("at 03:05:00")
		d.at("03:05:00")
		d.mustNotShow("03:20:00")
		d.mustNotShow("03:12:00")
		d.mustShow("no events were recorded shortly before")
	})

	t.Run("NothingIsDone", func(t *testing.T) {
		d.press("1", "enter")
		d.in("lock")
		for _, key := range []string{"r", "w", "u", "n", "ctrl+x", "ctrl+k"} {
			d.press(key)
			d.mustShow(key + ": this is a recording")
		}
		d.press("4")
		d.mustShow("4: this is a recording")
		d.press("5")
		d.mustShow("5: this is a recording")
	})
}

// Time is gone to by what users type, and nonsense is said to be that.
func TestReplayCommands(t *testing.T) {
	d := newReplay(t, nil)
	for text, want := range map[string]string{
		"at 2026-03-14T03:11:00Z": "03:11:00", "at 03:01:02": "03:01:02", "rev 101": "03:00:00", "rev 103": "03:30:00", "at -6h30m": "03:30:00",
		"end": "04:00:00", "live": "04:00:00", "at 04:00:00": "04:00:00",
	} {
		d.command(text)
		d.at(want)
	}
	d.command("end")
	d.at("04:00:00")
	for _, text := range []string{"at", "at yesterday", "at 25:00", "at 2h", "at \x1b[2J", "rev 0", "rev -5", "rev x", "play 0", "play fast", "play 1e9"} {
		d.command(text)
		d.mustShow("✗ " + strings.Fields(text)[0] + ": ")
		d.at("04:00:00")
	}
	d.command("at 2020-01-01")
	d.idle()
	d.mustShow("that was not recorded")
	d.at("04:00:00")
	d.command("at 2030-01-01")
	d.idle()
	d.mustShow("? the recording ends before that")
	d.mustShow("rev 104 ?")
}

// One steps through what changed, and jumps to problems.
func TestReplaySteps(t *testing.T) {
	d := newReplay(t, nil)
	for _, at := range []string{"03:20:00", "03:10:00", "03:00:00"} {
		d.press("[")
		d.at(at)
	}
	d.press("[")
	d.mustShow("nothing older was recorded: the recording begins at 2026-03-14 03:00:00")
	d.press("]", "]") // faster than they are read
	d.at("03:20:00")
	d.press("]")
	d.at("03:40:00")
	d.press("]")
	d.idle()
	d.press("]")
	d.idle()
	d.mustShow("no later changes: the recording ends at 2026-03-14 04:00:00")
	d.press("{")
	d.at("03:12:00")
	d.mustShow("warning: report has waited for /orders")
	d.press("{")
	d.mustShow("no earlier problem was found")
	d.press("}")
	d.mustShow("no later problem was found")
	d.press("[", "}")
	d.at("03:12:00")
	d.press("b")
	d.at("04:00:00")
	d.press("1", "enter", "t")
	d.at("03:20:00")
}

// What was not read yet of a recording is not taken for empty.
func TestReplayPart(t *testing.T) {
	d := newReplay(t, func(tape *backendtest.Tape, _ *backend.Options) {
		tape.Read = tape.Last().Add(-10 * time.Minute)
		tape.Marks = nil
	})
	d.mustShow("reading …")
	d.press("{")
	d.mustShow("the recording is still being read")
	d.command("at 03:12")
	d.at("03:12:00")
	d.press("}")
	d.mustShow("the recording is still being read")
}

// A moment in a gap says so on every screen.
func TestReplayDoubts(t *testing.T) {
	d := newReplay(t, nil)
	d.command("at 03:35")
	d.at("03:30:00")
	for _, screen := range []string{"1", "2", "3", "6", "7"} {
		d.press(screen)
		d.mustShow("? nothing was recorded from 03:30:00 to 03:40:00")
		d.mustShow("rev 103 ? ‖")
	}
	d.press("1", "enter")
	d.in("lock")
	d.mustShow("? nothing was recorded")
	for range 5 { // it is not left step by step, as each shows the moment before it
		before := d.m.Frozen.Cursor()
		d.press("right")
		d.until("further", func() bool { return d.m.effects.Idle() && d.m.Frozen.Cursor().After(before) })
	}
	d.command("play 100")
	d.clock.add(time.Second)
	d.until("the gap is over", func() bool { return d.m.Frozen.Place.Revision == 104 })
}

// A recording plays at the speed that was chosen, until it ends or something else is done.
func TestReplayPlays(t *testing.T) {
	d := newReplay(t, nil)
	d.command("at 03:12")
	d.at("03:12:00")
	d.press("space")
	d.mustShow("▶ 1×")
	d.clock.add(3 * time.Second)
	d.at("03:12:03")
	d.press(")")
	d.mustShow("▶ 10×")
	d.clock.add(6 * time.Second)
	d.at("03:13:03")
	d.row("/orders ").has("3m3s")
	d.press("space")
	d.mustShow("rev 102 ‖")
	d.clock.add(time.Minute)
	d.at("03:13:03")
	d.command("play 1000x")
	d.mustShow("▶ 1000×")
	d.press("[") // pauses it
	d.at("03:00:00")
	d.mustShow("rev 101 ‖")
	d.command("play 1000")
	d.clock.add(time.Hour)
	d.at("04:00:00")
	d.mustShow("the recording ends here")
	d.mustShow("rev 104 ‖")
	d.press("(", "(", "(", "(")
	if d.m.Play.Speed != 1 {
		t.Errorf("the speed is %d", d.m.Play.Speed)
	}
}

// The time line is clicked, zoomed and gone along by keys.
func TestScrubber(t *testing.T) {
	d := newReplay(t, nil)
	d.command("at 03:50:01")
	d.at("03:50:01")
	line := strings.Split(d.plain(), "\n")[2]
	if !strings.HasPrefix(line, "03:00:00 ▁") || !strings.HasSuffix(line, " 04:00:00 max 1") || strings.Count(line, "│") != 1 || !strings.Contains(line, "!") || !strings.Contains(line, "╌") {
		t.Errorf("the time line is %q", line)
	}
	here := func() int { return strings.Index(strings.Split(d.plain(), "\n")[2], "│") }
	before := here()
	d.press("right")
	d.until("a cell further", func() bool { return d.m.effects.Idle() && here() > before })
	d.press("left", "left")
	d.until("a cell back", func() bool { return d.m.effects.Idle() && here() < before })
	d.send(tea.MouseClickMsg{X: 9, Y: 2, Button: tea.MouseLeft})
	d.until("at the beginning", func() bool { return d.m.Frozen.Place.Revision == 101 && d.m.effects.Idle() })
	d.press("left", "left", "left")
	d.at("03:00:00")
	d.press("z")
	d.mustShow("03:15:00")
	d.press("Z")
	d.mustNotShow("03:15:00")
	d.send(tea.MouseClickMsg{X: 3, Y: 2, Button: tea.MouseLeft}) // the label
	d.at("03:00:00")
	d.press("z", "z", "z", "z", "z", "z", "z", "z")
	d.send(resize(160, 50))
	d.mustShow("▼")
	d.fits("replay", 1)
}

// Live with a recording, one goes back in it and comes back.
func TestReplayLive(t *testing.T) {
	d := withTape(t)
	d.press("space")
	d.mustShow("PAUSED")
	d.press("space")
	d.press("[")
	d.at("03:20:00")
	d.mustShow("RECORDED 2026-03-14 03:20:00")
	d.mustShow("● connected")
	d.mustShow("live is 6h40m ahead: b")
	d.press("w")
	d.mustShow("w: not while history is shown; b goes back to live")
	d.press("b")
	d.until("live", func() bool { return d.m.Frozen == nil })
	d.press("left")
	d.until("in the recording", d.m.InRecording)
	d.command("end")
	d.at("04:00:00")
	d.press("space")
	d.clock.add(time.Second)
	d.until("live", func() bool { return d.m.Frozen == nil })
	d.press(")")
	d.mustShow("): no moment of a recording is shown")
	d.press("{")
	d.at("03:12:00")
}

// Without a recording, there are no times to go to.
func TestNoClock(t *testing.T) {
	d, _ := withPast(t, 100)
	d.command("at 03:12")
	d.mustShow("✗ at: etcd keeps no times")
	d.press("}")
	d.mustShow("}: etcd keeps no times")
}

func TestGoldenReplay(t *testing.T) {
	for name, size := range map[string][2]int{"replay_80x24": {80, 24}, "replay_160x50": {160, 50}} {
		t.Run(name, func(t *testing.T) {
			d := newReplay(t, nil)
			d.send(resize(size[0], size[1]))
			d.command("at 03:12")
			d.at("03:12:00")
			checkGolden(t, name, d.plain())
		})
	}
	t.Run("doubts", func(t *testing.T) {
		d := newReplay(t, nil)
		d.command("at 03:35")
		d.at("03:30:00")
		d.press("7")
		checkGolden(t, "replay_80x24_doubts", d.plain())
	})
}
