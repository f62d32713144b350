package effects

import (
	"strings"
	"testing"

	"etcd-lock/tui/backend"
)

// Nothing in a text ends a sequence that the terminal is sent, or begins another one.
func TestSignals(t *testing.T) {
	all := backend.Signals()
	if got, want := signals(all, "/a is free"), "\a\x1b]9;etcd-lock: /a is free\a\x1b]777;notify;etcd-lock;etcd-lock: /a is free\a"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := signals(nil, "/a is free"); got != "" {
		t.Errorf("%q without any", got)
	}
	for _, hostile := range []string{"\a\x1b]0;title\a", "\x1b\\\x1b[2J", "\u009c\u009b2J", "4;1;50", "a;b\n", "\xff\x00", strings.Repeat("long", 4096)} {
		got := signals([]string{backend.SignalOSC9}, hostile)
		text, begins := strings.CutPrefix(got, "\x1b]9;etcd-lock: ")
		text, ends := strings.CutSuffix(text, "\a")
		if !begins || !ends || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) || len(text) > 2*signalMost {
			t.Errorf("%q: %q", hostile, got)
		}
		if got := signals([]string{backend.SignalOSC777}, hostile); strings.Count(got, ";") != 3 {
			t.Errorf("%q: %q", hostile, got)
		}
	}
}
