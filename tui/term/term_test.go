package term

import (
	"errors"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/keyspace"
)

// Ages have at most two units, and none is negative.
func TestAge(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for want, d := range map[string]time.Duration{
		"0s": -time.Hour, "3s": 3900 * time.Millisecond, "2m10s": 130 * time.Second, "2m": 2 * time.Minute,
		"4h": 4*time.Hour + time.Second, "4h5m": 4*time.Hour + 5*time.Minute, "1d2h": 26 * time.Hour, "300d": 7200 * time.Hour,
	} {
		if got := Age(now, now.Add(-d)); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	if got := Age(now, time.Time{}); got != "-" {
		t.Errorf("unknown: %s", got)
	}
}

// An owner is as much as is known of it.
func TestOwnerText(t *testing.T) {
	for _, c := range []struct {
		owner keyspace.Owner
		owned bool
		want  string
	}{
		{keyspace.Owner{Host: "h", PID: 7, Program: "p", Label: "A"}, true, "A p[7]@h"},
		{keyspace.Owner{Host: "h", PID: 7}, true, "pid[7]@h"},
		{keyspace.Owner{Label: "A"}, true, "A"},
		{keyspace.Owner{Time: time.Now()}, true, "-"},
		{keyspace.Owner{Host: "h"}, false, "-"},
	} {
		if got := Owner(c.owner, c.owned); got != c.want {
			t.Errorf("%+v: %q, want %q", c.owner, got, c.want)
		}
	}
}

// Errors are said without packages and in no words of Go's.
func TestPlainly(t *testing.T) {
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
