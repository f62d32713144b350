package profiling

import (
	"crypto/sha256"
	_ "embed" // for the page
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"etcd-lock/internal/flight"
	"etcd-lock/internal/format"
	"etcd-lock/internal/printable"
	"etcd-lock/internal/profile"
)

var (
	//go:embed page.html
	pageText string
	//go:embed page.js
	pageScript string
)

// The limits of a page, which bound its size to about 3 MiB: classes and chains beyond them
// are one.
const (
	pageClasses = 40
	pageChains  = 1000
	pageName    = 200 // characters
)

// pageData is what the script of the page draws.
type pageData struct {
	Begin   float64      `json:"begin"` // in milliseconds, as JavaScript has it
	Width   float64      `json:"width"` // of a part, in milliseconds
	Parts   int          `json:"parts"`
	Names   []string     `json:"names"`   // of frames
	Classes []string     `json:"classes"` // the costliest first
	Chains  [][]int      `json:"chains"`  // indexes of names: the head first
	Cells   [][4]float64 `json:"cells"`   // part, class, chain, milliseconds
}

// writePage writes a page that shows a profile, without any other files. The names in it are
// printable text, inside JSON that no HTML is read from, and only the script of the page may
// run.
func writePage(w io.Writer, p profile.Profile) error {
	data, err := json.Marshal(newPageData(p)) // with < > & escaped
	if err != nil {
		return err
	}
	hash := sha256.Sum256([]byte(pageScript))
	summary := fmt.Sprintf("%s from %s to %s: %s, and requests waited %s together.", format.Brief(p.Watched),
		flight.Show(p.From), flight.Show(p.To), format.Count(p.Events, "event", "events"), format.Brief(p.Waited))
	if p.Gaps > 0 {
		summary += fmt.Sprintf(" Not all events were seen in %s of it.", format.Brief(p.InGaps))
	}
	_, err = strings.NewReplacer(
		"{{hash}}", base64.StdEncoding.EncodeToString(hash[:]),
		"{{title}}", html.EscapeString(flight.Show(p.From)),
		"{{summary}}", html.EscapeString(summary),
		"{{data}}", string(data),
		"{{script}}", pageScript,
	).WriteString(w, pageText)
	return err
}

func newPageData(p profile.Profile) pageData {
	d := pageData{
		Begin: float64(p.From.UnixMilli()), Width: float64(p.Width) / float64(time.Millisecond), Parts: max(1, len(parts(p))),
		Names: []string{}, Classes: []string{}, Chains: [][]int{}, Cells: [][4]float64{},
	}
	for _, g := range p.Classes {
		if g.Waited > 0 && len(d.Classes) < pageClasses {
			d.Classes = append(d.Classes, shortened(name(g)))
		}
	}
	names := map[string]int{}
	chain := func(frames []string) {
		var of []int
		for _, f := range frames {
			f = shortened(f)
			if _, ok := names[f]; !ok {
				names[f] = len(d.Names)
				d.Names = append(d.Names, f)
			}
			of = append(of, names[f])
		}
		d.Chains = append(d.Chains, of)
	}
	for _, c := range p.Chains[:min(len(p.Chains), pageChains)] {
		chain(c.Frames())
	}
	d.addCells(p.Cells, chain)
	return d
}

// addCells adds cells. What is beyond the limits counts as the rest of the classes, or of the
// chains.
func (d *pageData) addCells(cells []profile.Cell, chain func([]string)) {
	classes, chains := len(d.Classes), len(d.Chains)
	sums := map[[3]int]time.Duration{}
	for _, c := range cells {
		at := [3]int{c.Part, min(c.Class, classes), min(c.Chain, chains)}
		if at[1] == len(d.Classes) {
			d.Classes = append(d.Classes, "(the rest)")
		}
		if at[2] == len(d.Chains) {
			chain([]string{"(the rest)"})
		}
		sums[at] += c.Waited
	}
	for at, waited := range sums {
		ms := math.Round(waited.Seconds()*1e6) / 1e3
		d.Cells = append(d.Cells, [4]float64{float64(at[0]), float64(at[1]), float64(at[2]), ms})
	}
	slices.SortFunc(d.Cells, func(a, b [4]float64) int { return slices.Compare(a[:], b[:]) })
}

// shortened returns a name as the page shows it.
func shortened(name string) string {
	name = printable.Text(name)
	if runes := []rune(name); len(runes) > pageName {
		return string(runes[:pageName-1]) + "…"
	}
	return name
}
