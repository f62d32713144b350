package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestWriteTable(t *testing.T) {
	var b bytes.Buffer
	err := writeTable(&b, [][]string{
		{"NAME", "N"},
		{"日本", "1"},
		{"\x1b[2J", "22"},
		{strings.Repeat("x", 100), "3"},
		{"e\u0301", "4"},
	})
	if err != nil {
		t.Fatal(err)
	}
	pad := strings.Repeat(" ", maxPad)
	want := strings.Join([]string{
		"NAME" + pad[4:] + "  N",
		"日本" + pad[4:] + "  1",
		`\x1b[2J` + pad[7:] + "  22",
		strings.Repeat("x", 100) + "  3",
		"e\u0301" + pad[1:] + "  4",
		"",
	}, "\n")
	if b.String() != want {
		t.Errorf("table\n%q\nwant\n%q", b.String(), want)
	}
}

func TestWriteJSON(t *testing.T) {
	var b bytes.Buffer
	if err := writeJSON(&b, map[string]string{"k": "<\u202e\x7f\u0085>"}); err != nil {
		t.Fatal(err)
	}
	if want := "{\n  \"k\": \"<\\u202e\\u007f\\u0085>\"\n}\n"; b.String() != want {
		t.Errorf("JSON %q, want %q", b.String(), want)
	}
}

func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                        "0s",
		1234 * time.Millisecond:  "1.2s",
		90500 * time.Millisecond: "1m31s",
		26 * time.Hour:           "26h0m0s",
	} {
		if got := seconds(d); got != want {
			t.Errorf("seconds(%d) = %s, want %s", d, got, want)
		}
	}
}

func TestPositions(t *testing.T) {
	for want, at := range map[string][]int{"": nil, "1": {1}, "1-3": {1, 2, 3}, "1,3-4,9": {1, 3, 4, 9}} {
		if got := positions(at); got != want {
			t.Errorf("positions(%v) = %s, want %s", at, got, want)
		}
	}
}
