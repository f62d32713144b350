package term

import (
	"errors"
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

// Where nothing but ASCII is shown, other characters keep their width.
func TestPlain(t *testing.T) {
	if got := Plain("日é●"); got != "???o" {
		t.Errorf("%q", got)
	}
}
