// Picture draws what a terminal shows as SVG. It reads the text with its styles
// as escape sequences, as `tmux capture-pane -e -p` prints it, and writes the
// picture: docs/pictures.sh makes those of the guides with it.
package main

import (
	"bufio"
	"fmt"
	"html"
	"image/color"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// The measures of a cell and of the picture's border, in pixels.
const (
	cellWidth, cellHeight = 8.4, 18.0
	fontSize              = 14
	border                = 10.0
)

// The colours of a terminal that says nothing else.
const (
	background = "#16181c"
	foreground = "#d0d0d0"
)

func main() {
	if err := draw(os.Stdin, os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

// style is how text looks; empty colours are the terminal's.
type style struct {
	fg, bg        string
	bold, reverse bool
}

// run is text of one style, without a gap in it: after one, the next run begins
// in its cell, however wide the font is.
type run struct {
	style
	text string
	at   int // in cells
}

func draw(in io.Reader, out io.Writer) error {
	var rows [][]run
	width := 0
	var now style // goes on from line to line
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var row []run
		var w int
		row, now, w = runs(now, lines.Text())
		rows, width = append(rows, row), max(width, w)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	w, h := 2*border+float64(width)*cellWidth, 2*border+float64(len(rows))*cellHeight
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" `+
		`font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="%d">`, w, h, w, h, fontSize)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="8" fill="%s"/>`+"\n", background)
	for y, row := range rows {
		for _, r := range row {
			r.draw(&b, y)
		}
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(out, b.String())
	return err
}

// runs takes a line apart. It begins in the style now and returns the one that
// the line ends in.
func runs(now style, line string) (row []run, after style, width int) {
	for len(line) > 0 {
		if params, rest, ok := escape(line); ok {
			now, line = now.set(params), rest
			continue
		}
		cluster, w := ansi.FirstGraphemeCluster(line, ansi.GraphemeWidth)
		line = line[len(cluster):]
		last := len(row) - 1
		if last < 0 || row[last].style != now || cluster != " " && strings.HasSuffix(row[last].text, "  ") {
			row = append(row, run{style: now, at: width})
		}
		row[len(row)-1].text += cluster
		width += w
	}
	return row, now, width
}

// escape cuts a style's escape sequence off a line.
func escape(line string) (params []int, rest string, ok bool) {
	body, ok := strings.CutPrefix(line, "\x1b[")
	if !ok {
		return nil, line, false
	}
	list, rest, ok := strings.Cut(body, "m")
	for _, p := range strings.FieldsFunc(list, func(r rune) bool { return r == ';' || r == ':' }) {
		n, _ := strconv.Atoi(p) // anything else is as good as 0
		params = append(params, n)
	}
	if len(params) == 0 {
		params = []int{0}
	}
	return params, rest, ok
}

func (s style) set(params []int) style {
	for i := 0; i < len(params); i++ {
		switch p := params[i]; {
		case p == 0:
			s = style{}
		case p == 1:
			s.bold = true
		case p == 7:
			s.reverse = true
		case p == 22:
			s.bold = false
		case p == 27:
			s.reverse = false
		case p == 39:
			s.fg = ""
		case p == 49:
			s.bg = ""
		case (p == 38 || p == 48) && i+2 < len(params) && params[i+1] == 5:
			s = s.coloured(p, ansi.IndexedColor(params[i+2]))
			i += 2
		case (p == 38 || p == 48) && i+4 < len(params) && params[i+1] == 2:
			s = s.coloured(p, color.RGBA{R: uint8(params[i+2]), G: uint8(params[i+3]), B: uint8(params[i+4])})
			i += 4
		}
	}
	return s
}

// coloured sets the foreground (38) or the background (48).
func (s style) coloured(what int, c color.Color) style {
	r, g, b, _ := c.RGBA()
	text := fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
	if what == 38 {
		s.fg = text
	} else {
		s.bg = text
	}
	return s
}

func (r run) draw(out *strings.Builder, y int) {
	fg, bg := r.fg, r.bg
	if fg == "" {
		fg = foreground
	}
	if r.reverse {
		fg, bg = background, fg
	}
	left, top, wide := border+float64(r.at)*cellWidth, border+float64(y)*cellHeight, float64(ansi.StringWidth(r.text))*cellWidth
	if bg != "" {
		fmt.Fprintf(out, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`, left, top, wide, cellHeight, bg)
	}
	if strings.TrimSpace(r.text) == "" {
		return
	}
	weight := ""
	if r.bold {
		weight = ` font-weight="bold"`
	}
	fmt.Fprintf(out, `<text x="%.1f" y="%.1f" fill="%s"%s textLength="%.1f" lengthAdjust="spacingAndGlyphs" xml:space="preserve">%s</text>`+"\n",
		left, top+13.5, fg, weight, wide, html.EscapeString(r.text))
}
