package screens

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/profile"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// hotRow is a class of locks, an owner or a chain, and what its waits have cost.
type hotRow struct {
	id, name   string // the name is printable
	other      bool   // it is all those beyond the limits
	unknown    bool   // its waits are not known
	waited     time.Duration
	caused     time.Duration // of an owner
	share      float64
	wait, hold profile.Spread
	last       time.Time
	classes    []string // those that it waited for, or itself, printable, the costliest first
	owners     []string // of the chains in it, or itself
	costs      []hotCost
	series     []time.Duration // by part of the time
}

// hotCost is a part of what a row has cost: by chain or, of a chain, by class.
type hotCost struct {
	name   string
	waited time.Duration
}

// hotCosts is a profile, with who waited for what.
type hotCosts struct {
	*profile.Profile
	parts  int
	chains []string                                // printable
	of     map[[2]int]time.Duration                // by class and chain
	series map[hotBy]map[int]map[int]time.Duration // by index, by part
}

// className is how a class of locks is shown.
func className(class string) string { return term.Name(class) }

func newHotCosts(p *profile.Profile) hotCosts {
	c := hotCosts{Profile: p, of: map[[2]int]time.Duration{}, series: map[hotBy]map[int]map[int]time.Duration{byClass: {}, byChain: {}}}
	if p.Width > 0 {
		c.parts = int(p.To.Sub(p.From)/p.Width) + 1
	}
	for _, chain := range p.Chains {
		c.chains = append(c.chains, term.Safe(chain.String()))
	}
	add := func(by hotBy, i int, cell *profile.Cell) {
		if c.series[by][i] == nil {
			c.series[by][i] = map[int]time.Duration{}
		}
		c.series[by][i][cell.Part] += cell.Waited
	}
	for i := range p.Cells {
		cell := &p.Cells[i]
		c.of[[2]int{cell.Class, cell.Chain}] += cell.Waited
		add(byClass, cell.Class, cell)
		add(byChain, cell.Chain, cell)
	}
	return c
}

// rows returns the rows, the costliest first.
func (c *hotCosts) rows(by hotBy) []*hotRow {
	switch by {
	case byOwner:
		return c.ownerRows()
	case byChain:
		return c.chainRows()
	default:
		return c.classRows()
	}
}

func newGroupRow(g *profile.Group, name string) *hotRow {
	return &hotRow{
		id: g.Name, name: name, other: g.Other, waited: g.Waited, caused: g.Caused, share: g.Share, wait: g.Wait, hold: g.Hold, last: g.Last,
		unknown: g.Unrecorded && g.Wait.Count == 0,
	}
}

func (c *hotCosts) classRows() []*hotRow {
	rows := make([]*hotRow, len(c.Classes))
	for i := range c.Classes {
		g := &c.Classes[i]
		r := newGroupRow(g, className(g.Name))
		if g.Other {
			r.name = g.Name
		}
		r.classes = []string{r.name}
		r.addSeries(c, byClass, i)
		rows[i] = r
	}
	for at, d := range c.of {
		r := rows[at[0]]
		r.costs = append(r.costs, hotCost{c.chains[at[1]], d})
		r.addOwners(&c.Chains[at[1]])
	}
	return sorted(rows)
}

func (c *hotCosts) ownerRows() []*hotRow {
	rows, byName := make([]*hotRow, len(c.Owners)), map[string]*hotRow{}
	for i := range c.Owners {
		r := newGroupRow(&c.Owners[i], term.Safe(c.Owners[i].Name))
		r.owners = []string{r.name}
		rows[i], byName[r.id] = r, r
	}
	for i := range c.Chains {
		chain := &c.Chains[i]
		for _, owner := range slices.Compact(slices.Sorted(slices.Values(chain.Owners))) {
			if r := byName[owner]; r != nil {
				r.costs = append(r.costs, hotCost{c.chains[i], chain.Waited})
			}
		}
		if len(chain.Owners) == 0 {
			continue
		}
		if r := byName[chain.Owners[0]]; r != nil {
			r.addSeries(c, byChain, i)
		}
	}
	for at := range c.of {
		if owners := c.Chains[at[1]].Owners; len(owners) > 0 && byName[owners[0]] != nil {
			r := byName[owners[0]]
			r.classes = append(r.classes, className(c.Classes[at[0]].Name))
		}
	}
	for _, r := range rows {
		slices.Sort(r.classes)
		r.classes = slices.Compact(r.classes)
	}
	return sorted(rows)
}

func (c *hotCosts) chainRows() []*hotRow {
	rows := make([]*hotRow, len(c.Chains))
	for i := range c.Chains {
		chain := &c.Chains[i]
		r := &hotRow{
			id: chain.String(), name: c.chains[i], other: chain.Other(), waited: chain.Waited, share: chain.Share, wait: chain.Wait, last: chain.Last,
		}
		r.addOwners(chain)
		r.addSeries(c, byChain, i)
		rows[i] = r
	}
	for at, d := range c.of {
		rows[at[1]].costs = append(rows[at[1]].costs, hotCost{className(c.Classes[at[0]].Name), d})
	}
	for _, r := range sorted(rows) {
		for _, cost := range r.costs {
			r.classes = append(r.classes, cost.name)
		}
	}
	return rows
}

// sorted sorts what rows consist of, the costliest first.
func sorted(rows []*hotRow) []*hotRow {
	for _, r := range rows {
		slices.SortFunc(r.costs, func(a, b hotCost) int {
			return cmp.Or(cmp.Compare(b.waited, a.waited), strings.Compare(a.name, b.name))
		})
	}
	return rows
}

func (r *hotRow) addOwners(chain *profile.Chain) {
	for _, owner := range chain.Owners {
		if name := term.Safe(owner); !slices.Contains(r.owners, name) {
			r.owners = append(r.owners, name)
		}
	}
}

// addSeries adds the waits over time of something.
func (r *hotRow) addSeries(c *hotCosts, by hotBy, i int) {
	if r.series == nil {
		r.series = make([]time.Duration, c.parts)
	}
	for part, d := range c.series[by][i] {
		if part < len(r.series) {
			r.series[part] += d
		}
	}
}

// columns are the same for classes, owners and chains, so that they can be compared.
func (s *hotScreen) columns() []widget.Column[*hotRow] {
	duration := func(title, key string, box widget.Box, of func(*hotRow) time.Duration, text func(*hotRow) string) widget.Column[*hotRow] {
		box.Min = max(box.Min, 8)
		return widget.Column[*hotRow]{
			Title: title, Box: box, Right: true, Key: key,
			Compare: func(a, b *hotRow) int { return cmp.Compare(of(b), of(a)) },
			Number:  func(r *hotRow) (float64, bool) { return of(r).Seconds(), !r.unknown },
			Cell:    func(r *hotRow, _ int) theme.Text { return theme.Styled(text(r), s.Theme.Plain) },
		}
	}
	return []widget.Column[*hotRow]{
		{Title: "name", Box: widget.Box{Min: 24, Want: 60, Flex: true, Uncut: true}, Key: "N", Ascending: true,
			Compare: func(a, b *hotRow) int { return strings.Compare(a.name, b.name) },
			Cell:    func(r *hotRow, w int) theme.Text { return theme.Styled(term.CutMiddle(r.name, w), s.Theme.Plain) }},
		duration("waited", "W", widget.Box{}, func(r *hotRow) time.Duration { return r.waited }, waitedText),
		{Title: "share", Box: widget.Box{Min: 5, Rank: 1}, Right: true, Key: "S",
			Compare: func(a, b *hotRow) int { return cmp.Compare(b.share, a.share) },
			Number:  func(r *hotRow) (float64, bool) { return r.share * 100, !r.unknown }, Cell: s.shareCell},
		duration("caused", "C", widget.Box{Rank: 6}, func(r *hotRow) time.Duration { return r.caused }, s.causedText),
		{Title: "waits", Box: widget.Box{Min: 6, Rank: 3}, Right: true, Key: "A",
			Compare: func(a, b *hotRow) int { return cmp.Compare(b.wait.Count, a.wait.Count) },
			Number:  func(r *hotRow) (float64, bool) { return float64(r.wait.Count), true },
			Cell:    func(r *hotRow, _ int) theme.Text { return theme.Styled(strconv.Itoa(r.wait.Count), s.Theme.Plain) }},
		duration("p50", "", widget.Box{Rank: 7}, func(r *hotRow) time.Duration { return r.wait.P50.Duration }, func(r *hotRow) string { return amount(r.wait, r.wait.P50) }),
		duration("p99", "P", widget.Box{Rank: 5}, func(r *hotRow) time.Duration { return r.wait.P99.Duration }, func(r *hotRow) string { return amount(r.wait, r.wait.P99) }),
		duration("max", "X", widget.Box{Rank: 2}, func(r *hotRow) time.Duration { return r.wait.Max.Duration }, func(r *hotRow) string { return amount(r.wait, r.wait.Max) }),
		{Title: "last", Long: "last seen", Box: widget.Box{Min: 8, Want: 14, Rank: 4}, Right: true, Key: "L",
			Compare: func(a, b *hotRow) int { return b.last.Compare(a.last) }, Last: func(r *hotRow) bool { return r.last.IsZero() },
			Cell: func(r *hotRow, _ int) theme.Text { return theme.Styled(s.clock(r.last), s.Theme.Dim) }},
	}
}

func waitedText(r *hotRow) string {
	if r.unknown {
		return "?"
	}
	return format.Brief(r.waited)
}

func (s *hotScreen) causedText(r *hotRow) string {
	if s.by != byOwner {
		return "-"
	}
	return format.Brief(r.caused)
}

func (s *hotScreen) shareCell(r *hotRow, _ int) theme.Text {
	if r.unknown {
		return theme.Styled("?", s.Theme.Dim)
	}
	style := s.Theme.Plain
	if r.share >= 0.25 {
		style = s.Theme.Waiting
	}
	return theme.Styled(percent(r.share), style)
}

func percent(share float64) string { return strconv.Itoa(int(share*100+0.5)) + "%" }

// amount is one of the durations of waits or holds: "≥12s" is at least.
func amount(of profile.Spread, a profile.Amount) string {
	switch {
	case of.Count == 0:
		return "-"
	case a.AtLeast:
		return "≥" + format.Brief(a.Duration)
	default:
		return format.Brief(a.Duration)
	}
}
