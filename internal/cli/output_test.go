package cli

import (
	"bytes"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	rows := [][]cell{
		plainRow("日本", "1"),
		plainRow("\x1b[2J", "22"),
		plainRow(strings.Repeat("x", 100), "3"),
		{{text: "e\u0301", tone: holding}, {text: "4", tone: warning}},
	}
	pad := strings.Repeat(" ", maxPad)
	tests := []struct {
		name string
		out  printer
		want []string
	}{
		{"Terminal", printer{terminal: true}, []string{
			"NAME" + pad[4:] + "  N",
			"日本" + pad[4:] + "  1",
			`\x1b[2J` + pad[7:] + "  22",
			strings.Repeat("x", 100) + "  3",
			"● e\u0301" + pad[3:] + "  ! 4",
		}},
		{"Color", printer{terminal: true, color: true}, []string{
			"\x1b[2mNAME\x1b[m" + pad[4:] + "  \x1b[2mN\x1b[m",
			"日本" + pad[4:] + "  1",
			`\x1b[2J` + pad[7:] + "  22",
			strings.Repeat("x", 100) + "  3",
			"\x1b[32m● e\u0301\x1b[m" + pad[3:] + "  \x1b[35m! 4\x1b[m",
		}},
		{"Pipe", printer{}, []string{"NAME\tN", "日本\t1", `\x1b[2J` + "\t22", strings.Repeat("x", 100) + "\t3", "e\u0301\t4"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			tt.out.Writer = &b
			if err := tt.out.table([]string{"NAME", "N"}, rows); err != nil {
				t.Fatal(err)
			}
			if want := strings.Join(tt.want, "\n") + "\n"; b.String() != want {
				t.Errorf("table\n%q\nwant\n%q", b.String(), want)
			}
		})
	}
}

func TestDocument(t *testing.T) {
	var b bytes.Buffer
	if err := (printer{Writer: &b}).document(map[string]string{"k": "<\u202e\x7f\u0085>"}); err != nil {
		t.Fatal(err)
	}
	if want := "{\n  \"k\": \"<\\u202e\\u007f\\u0085>\"\n}\n"; b.String() != want {
		t.Errorf("JSON %q, want %q", b.String(), want)
	}
}

func TestPositions(t *testing.T) {
	for want, at := range map[string][]int{"": nil, "1": {1}, "1-3": {1, 2, 3}, "1,3-4,9": {1, 3, 4, 9}} {
		if got := positions(at); got != want {
			t.Errorf("positions(%v) = %s, want %s", at, got, want)
		}
	}
}
