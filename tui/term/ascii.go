package term

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// plainSigns replace the UI's signs on a terminal without Unicode.
var plainSigns = map[rune]rune{
	'●': 'o', '○': '.', '·': '-', '▲': '^', '▼': 'v', '✗': 'x', '▶': '>', '▸': '>', '■': '#', '…': '~',
	'─': '-', '│': '|', '╭': '+', '╮': '+', '╰': '+', '╯': '+', '├': '|', '└': '`', '┌': '+', '┐': '+', '┘': '+',
	'↑': '^', '↓': 'v', '←': '<', '→': '>', '↳': '`', '“': '"', '”': '"', '•': '*', '×': 'x', '≥': '>', '≤': '<', '✓': '+',
	'▁': '_', '▂': '.', '▃': '.', '▄': ':', '▅': '=', '▆': '+', '▇': '#', '█': '#', '░': '.', '▒': ':', '▓': '%',
	'━': '=', '╌': '"', '╱': '/', '‖': '#', '◆': '*', '⊘': '0', '†': '+', '▏': ' ', '▕': ' ',
}

// Plain writes a screen in ASCII: known signs as others, and the rest as question
// marks of the same width.
func Plain(content string) string {
	if IsPlain(content) {
		return content
	}
	var b strings.Builder
	b.Grow(len(content))
	for len(content) > 0 {
		if content[0] < 0x80 {
			b.WriteByte(content[0])
			content = content[1:]
			continue
		}
		cluster, w := ansi.FirstGraphemeCluster(content, ansi.GraphemeWidth)
		content = content[len(cluster):]
		if p, ok := plainSigns[[]rune(cluster)[0]]; ok {
			b.WriteRune(p)
			continue
		}
		b.WriteString(strings.Repeat("?", w))
	}
	return b.String()
}
