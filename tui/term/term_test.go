package term

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

// What is said of an error in few words is without packages and in no words of Go's.
func TestShortReason(t *testing.T) {
	for want, err := range map[string]error{
		"session expired":   errors.New("rwlock: session expired"),
		"no answer in time": errors.New("rpc error: code = DeadlineExceeded desc = context deadline exceeded"),
	} {
		if got := ShortReason(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Both ends of a name that is too long stay in view.
func TestCutMiddle(t *testing.T) {
	for _, c := range []struct {
		s    string
		w    int
		want string
	}{
		{"/mylocks/orders/eu", 12, "/myl…ders/eu"},
		{"/mylocks/orders/eu", 18, "/mylocks/orders/eu"},
		{"/abc", 3, "/a…"},
		{"/日本語の名前/日本語の名前", 11, "/日…の名前"},
	} {
		got := CutMiddle(c.s, c.w)
		if got != c.want || ansi.StringWidth(got) > c.w {
			t.Errorf("%s in %d: %q", c.s, c.w, got)
		}
	}
}

// What is measured in short has the width that it has in full.
func TestWidth(t *testing.T) {
	for r := rune(' '); r < 0x3000; r++ {
		if isSign(r) {
			for _, s := range []string{string(r), "a" + string(r) + string(r), string(r) + "\ufe0f", string(r) + "\u0301a", string(r) + "日"} {
				checkWidth(t, s)
			}
		}
	}
	for _, s := range []string{"\x1b[1;38;2;1;2;3ma●\x1b[m b", "\x1b[0K", "\x1b[1mé", "\x1b]8;;x\x07link\x1b]8;;\x07", "\x1b[", "a\x1b", "\xff\x1b[m"} {
		checkWidth(t, s)
	}
}

func checkWidth(t *testing.T, s string) {
	t.Helper()
	if got, want := Width(s), ansi.StringWidth(s); got != want {
		t.Errorf("%q: %d, want %d", s, got, want)
	}
}

// Where nothing but ASCII is shown, other characters keep their width.
func TestPlain(t *testing.T) {
	if got := Plain("日é●"); got != "???o" {
		t.Errorf("%q", got)
	}
}

// What is too long ends after a word, unless little would be left of it.
func TestCut(t *testing.T) {
	for _, c := range []struct {
		s    string
		w    int
		want string
	}{
		{"deadlock on /stock and /orders", 20, "deadlock on /stock …"},
		{"deadlock on /stock and /orders", 22, "deadlock on /stock …"},
		{"deadlock on /stock and /orders", 30, "deadlock on /stock and /orders"},
		{"behind 196: writer #196", 19, "behind 196: writer…"},
		{"a /very/long/name/of/a/lock", 12, "a /very/lon…"},
		{"/very/long/name", 8, "/very/l…"},
		{"日本 日本語 日本", 12, "日本 日本語…"},
	} {
		got := Cut(c.s, c.w)
		if got != c.want || ansi.StringWidth(got) > c.w {
			t.Errorf("%s in %d: %q, want %q", c.s, c.w, got, c.want)
		}
	}
}

// A line is broken between words, not after a hyphen.
func TestWrap(t *testing.T) {
	same := func(s ...string) string { return s[0] }
	got := Wrap("billing billing[311]@web-1 and stock@web-2 wait", 22, same)
	if want := []string{"billing", "billing[311]@web-1 and", "stock@web-2 wait"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for text, want := range map[string][]string{
		"  if its client is dead, end it":  {"  if its client is dead,", "  end it"},
		"✗ a deadlock on /orders and more": {"✗ a deadlock on /orders", "  and more"},
		"a deadlock on /orders and stock":  {"a deadlock on /orders", "and stock"},
		"= etcdctl del /legacy/write/1":    {"= etcdctl del", "  /legacy/write/1"},
		"✗":                                {"✗"},
		"":                                 {""},
	} {
		if got := Wrap(text, 24, same); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := Safe("a" + unbroken + "b"); strings.Contains(got, unbroken) {
		t.Errorf("what stands for a hyphen is printable: %q", got)
	}
}
