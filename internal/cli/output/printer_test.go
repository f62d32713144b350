package output

import (
	"bytes"
	"encoding/json"
	"reflect"
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

// listed is a document with lists.
type listed struct {
	Name  string       `json:"name"`
	Parts []part       `json:"parts"`
	Last  List[string] `json:"last"`
}

type part struct {
	Numbers List[int] `json:"numbers"`
}

func (l listed) Lists() (lists []Elements) {
	for _, p := range l.Parts {
		lists = append(lists, p.Numbers)
	}
	return append(lists, l.Last)
}

// A document with lists is the same JSON as one with slices, short or long, also when
// its texts look like what the lists are replaced by.
func TestDocumentWithLists(t *testing.T) {
	for _, numbers := range []int{0, 1, 3, maxIndented} {
		all := make([]int, numbers)
		texts := []string{placeholder, "\u202e", "{", ""}
		doc := listed{Name: placeholder, Parts: []part{{}, {listOf(all)}}, Last: listOf(texts)}
		plain := map[string]any{"name": placeholder, "parts": []any{map[string]any{"numbers": []int{}}, map[string]any{"numbers": all}}, "last": texts}
		var got, want bytes.Buffer
		out := Printer{Writer: &got}
		if err := out.Document(doc); err != nil {
			t.Fatal(err)
		}
		if long := strings.Count(got.String(), "\n") == 1; long != (numbers == maxIndented) || strings.ContainsRune(got.String(), '\u202e') {
			t.Errorf("%d numbers: %.200s", numbers, got.String())
		}
		if err := (Printer{Writer: &want}).Document(plain); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(decoded(t, got.Bytes()), decoded(t, want.Bytes())) {
			t.Errorf("%d numbers: %.200s, want %.200s", numbers, got.String(), want.String())
		}
	}
}

func listOf[T any](elements []T) List[T] {
	return func(yield func(*T) bool) {
		for i := range elements {
			if !yield(&elements[i]) {
				return
			}
		}
	}
}

func decoded(t *testing.T, doc []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatalf("%v: %.200s", err, doc)
	}
	return v
}
