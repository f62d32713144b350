package printable_test

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"etcd-lock/internal/printable"
)

func TestText(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"empty", "", ""},
		{"plain", "/locks/a b", "/locks/a b"},
		{"other scripts", "größe 鍵 ключ", "größe 鍵 ключ"},
		{"emoji", "a😀🇩🇪❤️", "a😀🇩🇪❤️"},
		{"backslash", `a\b`, `a\\b`},
		{"what an escape looks like", `\n`, `\\n`},
		{"newline", "a\nb\r\t", `a\nb\r\t`},
		{"escape", "\x1b[31mred", `\x1b[31mred`},
		{"NUL", "\x00", `\x00`},
		{"DEL", "\x7f", `\x7f`},
		{"C1 controls", "\u0080\u009b31m\u009f", `\u0080\u009b31m\u009f`},
		{"invalid UTF-8", "a\xff\xfe\x9b", `a\xff\xfe\x9b`},
		{"cut UTF-8", "\xe9\x8d", `\xe9\x8d`},
		{"surrogate as bytes", "\xed\xa0\x80", `\xed\xa0\x80`},
		{"the replacement character itself", "\ufffd", "\ufffd"},
		{"overrides", "a\u202eb\u2066c\u2069", `a\u202eb\u2066c\u2069`},
		{"marks of direction", "\u200e\u200f\u061c", `\u200e\u200f\u061c`},
		{"zero width", "a\u200bb\ufeff", `a\u200bb\ufeff`},
		{"line separators", "\u2028\u2029\u0085", `\u2028\u2029\u0085`},
		{"spaces that look like none", "a\u00a0b\u3000", `a\u00a0b\u3000`},
		{"tags", "\U000e0041", `\U000e0041`},
		{"private use", "\ue000", `\ue000`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := printable.Text(tt.in); got != tt.want {
				t.Errorf("Text(%+q) = %+q, want %+q", tt.in, got, tt.want)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"empty", "", ""},
		{"plain", `{"a":[1,"b c",null]}`, `{"a":[1,"b c",null]}`},
		{"layout stays", "{\n\t\"a\": 1\r\n}", "{\n\t\"a\": 1\r\n}"},
		{"escapes stay", `"\u001b\n\\"`, `"\u001b\n\\"`},
		{"emoji and other scripts", `"😀 鍵"`, `"😀 鍵"`},
		{"DEL", "\"\x7f\"", `"\u007f"`},
		{"C1 controls", "\"\u0080\u009b\u009f\"", `"\u0080\u009b\u009f"`},
		{"overrides", "\"\u202e\u2066\u200f\"", `"\u202e\u2066\u200f"`},
		{"beyond 16 bits", "\"\U000e0041\"", `"\udb40\udc41"`},
		{"invalid UTF-8", "\"\xff\"", `"\ufffd"`},
		{"the replacement character itself", "\"\ufffd\"", "\"\ufffd\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(printable.JSON([]byte(tt.in))); got != tt.want {
				t.Errorf("JSON(%+q) = %+q, want %+q", tt.in, got, tt.want)
			}
		})
	}
}

var seeds = []string{"", "a", `\`, `\x1b`, "\x1b[2J\x07", "\u009b\x7f", "\xff\xfe", "\u202e😀\U000e0041", "\ufffd\xef\xbf"}

// FuzzText holds that nothing gets through that a terminal could act on, and
// that nothing is lost: what was escaped can be read back.
func FuzzText(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := printable.Text(s)
		if !allPrintable(got) {
			t.Errorf("Text(%+q) = %+q", s, got)
		}
		if back, ok := unescape(got); !ok || back != s {
			t.Errorf("Text(%+q) = %+q, which reads back as %+q", s, got, back)
		}
	})
}

// FuzzJSON holds that a document means the same afterwards, and that its
// strings show nothing that a terminal could act on.
func FuzzJSON(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		doc, err := json.Marshal(map[string]any{key: []any{value, 1.5, nil, true}})
		if err != nil {
			t.Skip(err)
		}
		safe := printable.JSON(doc)
		if !allPrintable(string(safe)) {
			t.Errorf("JSON(%+q) = %+q", doc, safe)
		}
		var want, got any
		if err := json.Unmarshal(doc, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(safe, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("JSON(%+q) = %+q, which means %+q, %v", doc, safe, got, err)
		}
	})
}

func allPrintable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// unescape reads Go escapes back, bytes and runes alike.
func unescape(s string) (string, bool) {
	var b strings.Builder
	for s != "" {
		r, multibyte, rest, err := strconv.UnquoteChar(s, 0)
		if err != nil {
			return "", false
		}
		if r < utf8.RuneSelf || multibyte {
			b.WriteRune(r)
		} else {
			b.WriteByte(byte(r))
		}
		s = rest
	}
	return b.String(), true
}

// TestEscaped wants what has been escaped to stay as it is, and the rest to be escaped.
func TestEscaped(t *testing.T) {
	for in, want := range map[string]string{
		`\d+`: `\d+`, printable.Text("a\x1b\\"): `a\x1b\\`, "\x1b": `\x1b`, "plain": "plain",
	} {
		if got := printable.Escaped(in); got != want {
			t.Errorf("Escaped(%q) = %q, want %q", in, got, want)
		}
	}
}
