package profiling

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/format"
	"etcd-lock/internal/profile"
)

// tables prints a profile for people.
type tables struct {
	out    output.Printer
	top    int
	layout string // of times
}

func writeTables(out output.Printer, p profile.Profile, top int, now time.Time) error {
	t := tables{out: out, top: top, layout: time.TimeOnly}
	if !sameDay(p.From, now) || !sameDay(p.To, now) {
		t.layout = time.DateTime
	}
	if err := t.summary(p); err != nil {
		return err
	}
	for _, table := range []struct {
		rows  int
		write func(profile.Profile) error
	}{{len(p.Classes), t.classes}, {len(p.Owners), t.owners}, {len(p.Chains), t.chains}} {
		if table.rows == 0 {
			continue
		}
		if err := errors.Join(t.out.Line(), table.write(p)); err != nil {
			return err
		}
	}
	return nil
}

func sameDay(a, b time.Time) bool {
	return a.Local().Format(time.DateOnly) == b.Local().Format(time.DateOnly)
}

func (t *tables) time(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.Local().Format(t.layout)
}

func (t *tables) summary(p profile.Profile) error {
	waited := "requests waited " + format.Brief(p.Waited) + " together"
	if p.Waited == 0 && len(p.Chains) == 0 {
		waited = "no request was seen to wait"
	}
	texts := []string{fmt.Sprintf("%s from %s to %s: %s, and %s",
		format.Brief(p.Watched), t.time(p.From), t.time(p.To), format.Count(p.Events, "event", "events"), waited)}
	if p.Gaps > 0 {
		texts = append(texts, fmt.Sprintf("%s: not all events were seen in %s of it", format.Count(p.Gaps, "gap", "gaps"), format.Brief(p.InGaps)))
	}
	return t.out.Sentences("", output.Cell{}, texts...)
}

func (t *tables) classes(p profile.Profile) error {
	var rows [][]output.Cell
	for _, g := range p.Classes[:min(len(p.Classes), t.top)] {
		waited, shared := format.Brief(g.Waited), share(g.Share)
		if g.Unrecorded && g.Wait.Count == 0 {
			waited, shared = "?", "?"
		}
		row := output.Row(name(g), waited, shared)
		row = append(row, spread(g.Wait)...)
		row = append(row, spread(g.Hold)...)
		rows = append(rows, append(row, output.Row(t.time(g.First), t.time(g.Last))...))
	}
	heading := []string{"CLASS", "WAITED", "SHARE", "WAITS", "P50", "P99", "MAX", "HOLDS", "P50", "P99", "MAX", "FIRST", "LAST"}
	return t.table(heading, rows, len(p.Classes))
}

func (t *tables) owners(p profile.Profile) error {
	var rows [][]output.Cell
	for _, g := range p.Owners[:min(len(p.Owners), t.top)] {
		row := output.Row(g.Name, format.Brief(g.Waited), share(g.Share), format.Brief(g.Caused))
		row = append(row, spread(g.Wait)...)
		row = append(row, spread(g.Hold)...)
		rows = append(rows, append(row, output.Row(t.time(g.First), t.time(g.Last))...))
	}
	heading := []string{"OWNER", "WAITED", "SHARE", "CAUSED", "WAITS", "P50", "P99", "MAX", "HOLDS", "P50", "P99", "MAX", "FIRST", "LAST"}
	return t.table(heading, rows, len(p.Owners))
}

func (t *tables) chains(p profile.Profile) error {
	var rows [][]output.Cell
	for _, c := range p.Chains[:min(len(p.Chains), t.top)] {
		row := output.Row(format.Brief(c.Waited), share(c.Share))
		row = append(row, spread(c.Wait)...)
		row = append(row, output.Row(t.time(c.First), t.time(c.Last), c.String())...)
		rows = append(rows, row)
	}
	return t.table([]string{"WAITED", "SHARE", "WAITS", "P50", "P99", "MAX", "FIRST", "LAST", "CHAIN"}, rows, len(p.Chains))
}

// table prints rows, and how many more there are.
func (t *tables) table(heading []string, rows [][]output.Cell, all int) error {
	if err := t.out.Table(heading, rows); err != nil || all <= len(rows) {
		return err
	}
	return t.out.Line(output.Cell{Text: fmt.Sprintf("and %d more: --top shows more, -o json all", all-len(rows)), Tone: output.Faint})
}

func name(g profile.Group) string {
	if g.Other {
		return g.Name
	}
	return format.Name(g.Name)
}

func share(part float64) string { return strconv.Itoa(int(part*100+0.5)) + "%" }

// spread returns the cells of waits or holds: their number, P50, P99 and maximum.
func spread(s profile.Spread) []output.Cell {
	amount := func(a profile.Amount) string {
		switch {
		case s.Count == 0:
			return "-"
		case a.AtLeast:
			return "≥" + format.Brief(a.Duration)
		default:
			return format.Brief(a.Duration)
		}
	}
	return output.Row(strconv.Itoa(s.Count), amount(s.P50), amount(s.P99), amount(s.Max))
}
