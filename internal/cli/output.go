package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/printable"
)

// format is how a command prints what it found.
type format string

const (
	formatTable format = "table"
	formatJSON  format = "json"
)

// Set, String and Type make a format a flag.
func (f *format) Set(s string) error {
	switch format(s) {
	case formatTable, formatJSON:
		*f = format(s)
		return nil
	default:
		return errors.New("must be table or json")
	}
}

func (f *format) String() string { return string(*f) }

// Type is documented with Set.
func (f *format) Type() string { return "format" }

// writeJSON prints a document that no terminal takes for commands.
func writeJSON(w io.Writer, doc any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return err
	}
	_, err := w.Write(printable.JSON(b.Bytes()))
	return err
}

// base64Of is s in base64 when JSON, which is UTF-8, cannot say it as it is.
func base64Of(s string) string {
	if utf8.ValidString(s) {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(s))
}

// maxPad is the width up to which cells of a column are made equal: one long
// name must not push all other rows out of sight.
const maxPad = 60

// writeTable prints rows in columns. Every cell is made safe to print here, so
// that no command can forget it.
func writeTable(w io.Writer, rows [][]string) error {
	var widths []int
	safe := make([][]string, 0, len(rows))
	for _, row := range rows {
		var cells []string
		for i, cell := range row {
			cell = printable.Text(cell)
			cells = append(cells, cell)
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], min(ansi.StringWidth(cell), maxPad))
		}
		safe = append(safe, cells)
	}
	var b strings.Builder
	for _, cells := range safe {
		b.WriteString(strings.TrimRight(align(cells, widths), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func align(cells []string, widths []int) string {
	var b strings.Builder
	for i, cell := range cells {
		b.WriteString(cell)
		b.WriteString(strings.Repeat(" ", max(widths[i]-ansi.StringWidth(cell), 0)+2))
	}
	return b.String()
}

// seconds is a duration as people read it: tenths below a minute.
func seconds(d time.Duration) string {
	if d < time.Minute {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// since is the time from t to now, never negative: the clock of who noted t
// may be ahead of ours.
func since(now, t time.Time) time.Duration { return max(now.Sub(t), 0) }
