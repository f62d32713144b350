package output

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// Entry is a line of a Stream.
type Entry interface {
	Cells() []Cell
	// When returns the etcd revision of the entry, and when this program saw it.
	// Both are zero when not known.
	When() (revision int64, seen time.Time)
}

// Stream prints entries as they come: as a JSON document per line, or as a table
// whose columns only grow.
type Stream struct {
	out    Printer
	buf    *bufio.Writer
	widths []int
	timed  bool // there is a column for the time
}

// Column is a column of a Stream.
type Column struct {
	Heading string
	Width   int // that is expected
}

// NewStream prints the heading of a table with a column for the revision, before it
// one for the time if timed is set, and those of the entries.
func NewStream(out Printer, timed bool, columns []Column) *Stream {
	buf := bufio.NewWriter(out.Writer)
	out.Writer = buf
	s := &Stream{out: out, buf: buf, timed: timed}
	if out.Format == JSON {
		return s
	}
	s.widths = []int{len("REVISION")}
	if timed {
		s.widths = []int{len(time.TimeOnly), len("REVISION")}
	}
	var heading []Cell
	for _, c := range columns {
		s.widths = append(s.widths, c.Width)
		heading = append(heading, Cell{Text: c.Heading, Tone: Faint})
	}
	_ = s.row(s.prefix(Cell{Text: "TIME", Tone: Faint}, Cell{Text: "REVISION", Tone: Faint}, heading))
	return s
}

// Write prints entries and flushes, so that a reader sees them at once.
func (s *Stream) Write(entries []Entry) error {
	for _, e := range entries {
		if err := s.one(e); err != nil {
			return err
		}
	}
	return s.buf.Flush()
}

func (s *Stream) one(e Entry) error {
	if s.out.Format == JSON {
		return encodeJSON(s.buf, e)
	}
	at, seen := "-", "-"
	revision, t := e.When()
	if revision > 0 {
		at = strconv.FormatInt(revision, 10)
	}
	if !t.IsZero() {
		seen = t.Format(time.TimeOnly)
	}
	return s.row(s.prefix(Cell{Text: seen}, Cell{Text: at}, e.Cells()))
}

func (s *Stream) prefix(seen, revision Cell, cells []Cell) []Cell {
	row := append([]Cell{revision}, cells...)
	if s.timed {
		row = append([]Cell{seen}, row...)
	}
	return row
}

func (s *Stream) row(cells []Cell) error {
	var b strings.Builder
	for i, c := range cells {
		text := s.out.cell(c)
		b.WriteString(text)
		if i == len(cells)-1 {
			break
		}
		if !s.out.Terminal {
			b.WriteString("\t")
			continue
		}
		width := ansi.StringWidth(text)
		s.widths[i] = max(s.widths[i], min(width, maxPad))
		b.WriteString(strings.Repeat(" ", max(s.widths[i]-width, 0)+2))
	}
	_, err := fmt.Fprintln(s.buf, b.String())
	return err
}
