package main

import (
	"strings"
	"testing"
)

// What a terminal shows is in the picture: text, colours, bold and reverse, and
// nothing of it is markup.
func TestDraw(t *testing.T) {
	var out strings.Builder
	in := "plain \x1b[1;38;2;255;0;16mred & <bold>\x1b[0m\n\x1b[7m日本\x1b[27m\x1b[48;2;0;0;255mblue\x1b[49m end   \x1b[38;5;196mred\x1b[m"
	if err := draw(strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`fill="#d0d0d0" textLength="50.4"`, `fill="#ff0010" font-weight="bold"`, `red &amp; &lt;bold&gt;</text>`,
		`width="33.6" height="18.0" fill="#d0d0d0"`, `>日本</text>`, `fill="#0000ff"`, `> end   </text>`, `fill="#ff0000"`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
}
