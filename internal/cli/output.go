package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/format"
	"etcd-lock/internal/printable"
)

// outputFormat is how a command prints what it found.
type outputFormat string

const (
	formatTable outputFormat = "table"
	formatJSON  outputFormat = "json"
)

// Set, String and Type make an outputFormat a flag.
func (f *outputFormat) Set(s string) error {
	switch outputFormat(s) {
	case formatTable, formatJSON:
		*f = outputFormat(s)
		return nil
	default:
		return errors.New("must be table or json")
	}
}

func (f *outputFormat) String() string { return string(*f) }

// Type implements pflag.Value.
func (f *outputFormat) Type() string { return "format" }

// printer is a command's standard output. What it prints, it makes safe for
// terminals, so that no command can forget to.
type printer struct {
	io.Writer
	format   outputFormat
	terminal bool // people look at it
	color    bool
	width    int // of the terminal; 0 when there is none
}

// maxText is how wide sentences become: longer lines are hard to read.
const maxText = 100

func (a *app) printer() printer {
	terminal := isTerminal(a.Out)
	return printer{
		Writer:   a.Out,
		format:   a.output,
		terminal: terminal,
		color:    terminal && !a.noColor() && a.Getenv("TERM") != "dumb",
		width:    terminalWidth(a.Out),
	}
}

// noColor reports whether colours are unwanted: any value says so, by
// no-color.org.
func (a *app) noColor() bool { return a.Getenv("NO_COLOR") != "" }

// document prints doc as indented JSON.
func (p printer) document(doc any) error {
	b, err := encodeJSON(doc, "  ")
	if err != nil {
		return err
	}
	_, err = p.Write(b)
	return err
}

// encodeJSON is doc as JSON that no terminal takes for commands, with a newline.
func encodeJSON(doc any, indent string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(doc); err != nil {
		return nil, err
	}
	return printable.JSON(b.Bytes()), nil
}

// base64Of is s in base64 when JSON, which is UTF-8, cannot say it as it is.
func base64Of(s string) string {
	if utf8.ValidString(s) {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(s))
}

// line prints one line.
func (p printer) line(cells ...cell) error {
	var b strings.Builder
	for _, c := range cells {
		b.WriteString(p.cell(c))
	}
	_, err := fmt.Fprintln(p, b.String())
	return err
}

// sentences prints sentences after an indent and a tag, each on a line of its own
// below the beginning of the first. A terminal's width breaks them further.
func (p printer) sentences(indent string, tag cell, texts ...string) error {
	tagged := indent + p.cell(tag)
	if tag.text != "" {
		tagged += "  "
	}
	column := ansi.StringWidth(tagged)
	lines := make([]string, 0, len(texts))
	for _, text := range texts {
		text = printable.Text(text)
		if p.width > 0 {
			text = ansi.Wrap(text, max(min(p.width, maxText)-column, maxText/4), "")
		}
		lines = append(lines, text)
	}
	text := strings.ReplaceAll(strings.Join(lines, "\n"), "\n", "\n"+strings.Repeat(" ", column))
	_, err := fmt.Fprintln(p, tagged+text)
	return err
}

// cell is text and what it means.
type cell struct {
	text string
	tone tone
	safe bool // text is printable as it is
}

func (p printer) cell(c cell) string {
	if !c.safe {
		c.text = printable.Text(c.text)
	}
	return p.paint(c.text, c.tone)
}

// tone is what a cell means beyond its words. On a terminal it is a sign and a
// colour; in a pipe there are only the words.
type tone uint8

const (
	plain tone = iota
	holding
	waiting
	contended
	warning
	critical
	faint
)

func (t tone) sign() string {
	return [...]string{
		plain: "", holding: format.SignHolding + " ", waiting: format.SignWaiting + " ", contended: format.SignContended + " ",
		warning: format.SignWarning + " ", critical: format.SignCritical + " ", faint: "",
	}[t]
}

func (t tone) style() lipgloss.Style {
	s := lipgloss.NewStyle()
	switch t {
	case holding:
		return s.Foreground(lipgloss.Green)
	case waiting, contended:
		return s.Foreground(lipgloss.Yellow)
	case warning:
		return s.Foreground(lipgloss.Magenta)
	case critical:
		return s.Foreground(lipgloss.Red).Bold(true)
	case faint:
		return s.Faint(true)
	default:
		return s
	}
}

// paint gives safe text its sign and colour, where there is a terminal.
func (p printer) paint(safe string, t tone) string {
	if p.terminal {
		safe = t.sign() + safe
	}
	if !p.color || t == plain {
		return safe
	}
	return t.style().Render(safe)
}

// maxPad is the width up to which cells of a column are made equal: one long
// name must not push all other rows out of sight.
const maxPad = 60

// table prints a heading and rows: in columns on a terminal, separated by tabs
// in a pipe.
func (p printer) table(heading []string, rows [][]cell) error {
	all := make([][]string, 0, len(rows)+1)
	all = append(all, make([]string, 0, len(heading)))
	for _, h := range heading {
		all[0] = append(all[0], p.paint(h, faint))
	}
	for _, row := range rows {
		cells := make([]string, 0, len(row))
		for _, c := range row {
			cells = append(cells, p.cell(c))
		}
		all = append(all, cells)
	}
	var b strings.Builder
	if p.terminal {
		alignColumns(&b, all)
	} else {
		for _, row := range all {
			b.WriteString(strings.Join(row, "\t") + "\n")
		}
	}
	_, err := io.WriteString(p, b.String())
	return err
}

func alignColumns(b *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], min(ansi.StringWidth(c), maxPad))
		}
	}
	for _, row := range rows {
		for i, c := range row {
			b.WriteString(c)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", max(widths[i]-ansi.StringWidth(c), 0)+2))
			}
		}
		b.WriteString("\n")
	}
}

// plainRow is a row of words that mean no more than they say.
func plainRow(words ...string) []cell {
	row := make([]cell, 0, len(words))
	for _, w := range words {
		row = append(row, cell{text: w})
	}
	return row
}

// since is the time from t to now, never negative: the clock of who noted t
// may be ahead of this machine's.
func since(now, t time.Time) time.Duration { return max(now.Sub(t), 0) }
