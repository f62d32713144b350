package output

import (
	"bytes"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	rows := [][]Cell{
		Row("日本", "1"),
		Row("\x1b[2J", "22"),
		Row(strings.Repeat("x", 100), "3"),
		{{Text: "e\u0301", Tone: Holding}, {Text: "4", Tone: Warning}},
	}
	pad := strings.Repeat(" ", maxPad)
	tests := []struct {
		name string
		out  Printer
		want []string
	}{
		{"Terminal", Printer{Terminal: true}, []string{
			"NAME" + pad[4:] + "  N",
			"日本" + pad[4:] + "  1",
			`\x1b[2J` + pad[7:] + "  22",
			strings.Repeat("x", 100) + "  3",
			"● e\u0301" + pad[3:] + "  ! 4",
		}},
		{"Color", Printer{Terminal: true, Color: true}, []string{
			"\x1b[2mNAME\x1b[m" + pad[4:] + "  \x1b[2mN\x1b[m",
			"日本" + pad[4:] + "  1",
			`\x1b[2J` + pad[7:] + "  22",
			strings.Repeat("x", 100) + "  3",
			"\x1b[32m● e\u0301\x1b[m" + pad[3:] + "  \x1b[35m! 4\x1b[m",
		}},
		{"Pipe", Printer{}, []string{"NAME\tN", "日本\t1", `\x1b[2J` + "\t22", strings.Repeat("x", 100) + "\t3", "e\u0301\t4"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			tt.out.Writer = &b
			if err := tt.out.Table([]string{"NAME", "N"}, rows); err != nil {
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
	if err := (Printer{Writer: &b}).Document(map[string]string{"k": "<\u202e\x7f\u0085>"}); err != nil {
		t.Fatal(err)
	}
	if want := "{\n  \"k\": \"<\\u202e\\u007f\\u0085>\"\n}\n"; b.String() != want {
		t.Errorf("JSON %q, want %q", b.String(), want)
	}
}
