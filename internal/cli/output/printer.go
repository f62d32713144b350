// Package output prints what commands found: as JSON, or as text that is safe for
// terminals, with signs and colours where there is one.
package output

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/format"
	"etcd-lock/internal/printable"
)

// Format is how a command prints its results. It is a flag.
type Format string

// The formats.
const (
	Text Format = "table" // for people: tables and sentences
	JSON Format = "json"

	Folded Format = "folded" // stacks for flamegraph.pl; only of commands that have stacks
	Pprof  Format = "pprof"  // stacks for go tool pprof
)

// OfStacks reports whether only commands that have stacks can print the format.
func (f Format) OfStacks() bool { return f == Folded || f == Pprof }

// Set implements pflag.Value.
func (f *Format) Set(s string) error {
	switch Format(s) {
	case Text, JSON, Folded, Pprof:
		*f = Format(s)
		return nil
	default:
		return errors.New("must be table or json, or of profile folded or pprof")
	}
}

// String implements pflag.Value.
func (f *Format) String() string { return string(*f) }

// Type implements pflag.Value.
func (f *Format) Type() string { return "format" }

// Printer is the standard output of a command. It makes everything that it prints
// safe for terminals, so that no command can forget to.
type Printer struct {
	io.Writer
	Format   Format
	Terminal bool // it has signs
	Color    bool
	Width    int // of the terminal; 0 without one
}

// maxText is the widest that sentences become: longer lines are hard to read.
const maxText = 100

// New returns a printer for a stream, which has signs if that is a terminal.
func New(w io.Writer, f Format, color bool) Printer {
	width, _ := TerminalSize(w)
	return Printer{Writer: w, Format: f, Terminal: IsTerminal(w), Color: color, Width: width}
}

// Base64 returns s in base64 if it is not valid UTF-8, as JSON has to be, and
// otherwise "".
func Base64(s string) string {
	if utf8.ValidString(s) {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(s))
}

// Base64s returns all of texts in base64 if any of them is not valid UTF-8, and
// otherwise nil.
func Base64s(texts []string) []string {
	if !slices.ContainsFunc(texts, func(s string) bool { return !utf8.ValidString(s) }) {
		return nil
	}
	encoded := make([]string, 0, len(texts))
	for _, s := range texts {
		encoded = append(encoded, base64.StdEncoding.EncodeToString([]byte(s)))
	}
	return encoded
}

// Line prints cells on one line, without a space between them.
func (p Printer) Line(cells ...Cell) error {
	var b strings.Builder
	for _, c := range cells {
		b.WriteString(p.cell(c))
	}
	_, err := fmt.Fprintln(p, b.String())
	return err
}

// Sentences prints sentences after an indent and a tag, each on a line of its own
// below the start of the first. A terminal's width wraps them.
func (p Printer) Sentences(indent string, tag Cell, texts ...string) error {
	escaped := make([]string, 0, len(texts))
	for _, text := range texts {
		escaped = append(escaped, printable.Text(text))
	}
	return p.EscapedSentences(indent, tag, escaped...)
}

// EscapedSentences is Sentences for texts in which what is not trusted is printable.
func (p Printer) EscapedSentences(indent string, tag Cell, texts ...string) error {
	tagged := indent + p.cell(tag)
	if tag.Text != "" {
		tagged += "  "
	}
	column := ansi.StringWidth(tagged)
	lines := make([]string, 0, len(texts))
	for _, text := range texts {
		text = printable.Escaped(text)
		if p.Width > 0 {
			text = ansi.Wrap(text, max(min(p.Width, maxText)-column, maxText/4), "")
		}
		lines = append(lines, text)
	}
	text := strings.ReplaceAll(strings.Join(lines, "\n"), "\n", "\n"+strings.Repeat(" ", column))
	_, err := fmt.Fprintln(p, tagged+text)
	return err
}

// Cell is a text with its tone.
type Cell struct {
	Text string
	Tone Tone
	Safe bool // Text is printable as it is
}

func (p Printer) cell(c Cell) string {
	if !c.Safe {
		c.Text = printable.Text(c.Text)
	}
	return p.paint(c.Text, c.Tone)
}

// Tone is what a text means. On a terminal it is shown by a sign and a colour, in a
// pipe not at all.
type Tone uint8

// The tones.
const (
	Plain Tone = iota
	Holding
	Waiting
	Contended
	Warning
	Critical
	Faint
)

func (t Tone) sign() string {
	return [...]string{
		Plain: "", Holding: format.SignHolding + " ", Waiting: format.SignWaiting + " ", Contended: format.SignContended + " ",
		Warning: format.SignWarning + " ", Critical: format.SignCritical + " ", Faint: "",
	}[t]
}

func (t Tone) style() lipgloss.Style {
	s := lipgloss.NewStyle()
	switch t {
	case Holding:
		return s.Foreground(lipgloss.Green)
	case Waiting, Contended:
		return s.Foreground(lipgloss.Yellow)
	case Warning:
		return s.Foreground(lipgloss.Magenta)
	case Critical:
		return s.Foreground(lipgloss.Red).Bold(true)
	case Faint:
		return s.Faint(true)
	default:
		return s
	}
}

// paint adds the sign and the colour of a tone to safe text, on a terminal.
func (p Printer) paint(safe string, t Tone) string {
	if p.Terminal {
		safe = t.sign() + safe
	}
	return p.Colored(safe, t)
}

// Colored adds the colour of a tone to text that is safe, where there are colours.
func (p Printer) Colored(safe string, t Tone) string {
	if !p.Color || t == Plain {
		return safe
	}
	return t.style().Render(safe)
}

// maxPad is the width up to which the cells of a column are padded: one long name
// must not push all other rows out of sight.
const maxPad = 60

// Table prints a heading and rows: in aligned columns on a terminal, separated by
// tabs in a pipe.
func (p Printer) Table(heading []string, rows [][]Cell) error {
	return p.Rows(heading, slices.Values(rows))
}

// Rows is Table for rows that are made when they are printed, on a terminal twice, since
// the widths of the columns depend on all of them. A row is there only until the next one.
func (p Printer) Rows(heading []string, rows iter.Seq[[]Cell]) error {
	head := make([]Cell, 0, len(heading))
	for _, h := range heading {
		head = append(head, Cell{Text: h, Tone: Faint, Safe: true})
	}
	var widths []int
	if p.Terminal {
		widths = make([]int, len(head))
		p.widen(widths, head)
		for row := range rows {
			p.widen(widths, row)
		}
	}
	w := bufio.NewWriterSize(p, 64<<10)
	p.row(w, widths, head)
	for row := range rows {
		p.row(w, widths, row)
	}
	return w.Flush()
}

// widen makes columns as wide as the cells of a row need.
func (p Printer) widen(widths []int, row []Cell) {
	for i, c := range row {
		widths[i] = max(widths[i], min(ansi.StringWidth(p.cell(c)), maxPad))
	}
}

// row writes a row, aligned to widths if there are any. Flush returns the error.
func (p Printer) row(w *bufio.Writer, widths []int, row []Cell) {
	for i, c := range row {
		text := p.cell(c)
		_, _ = w.WriteString(text)
		switch {
		case i == len(row)-1:
			_ = w.WriteByte('\n')
		case widths == nil:
			_ = w.WriteByte('\t')
		default:
			_, _ = w.WriteString(strings.Repeat(" ", max(widths[i]-ansi.StringWidth(text), 0)+2))
		}
	}
}

// Row returns a row of plain cells.
func Row(words ...string) []Cell {
	row := make([]Cell, 0, len(words))
	for _, w := range words {
		row = append(row, Cell{Text: w})
	}
	return row
}
