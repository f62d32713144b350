package cli

import (
	"context"
	"testing"
)

func TestRevs(t *testing.T) {
	tests := []struct {
		text string
		want revs
		ok   bool
	}{
		{"812", revs{from: 812}, true},
		{"812..900", revs{from: 812, two: true, to: 900}, true},
		{"812..", revs{from: 812, two: true}, true},
		{"", revs{}, false},
		{"0", revs{}, false},
		{"-3", revs{}, false},
		{"x", revs{}, false},
		{"..900", revs{}, false},
		{"900..812", revs{}, false},
		{"812..812", revs{}, false},
		{"812..x", revs{}, false},
		{"812..0", revs{}, false},
		{"1..2..3", revs{}, false},
		{"99999999999999999999", revs{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			var got revs
			err := got.Set(tt.text)
			if got != tt.want || (err == nil) != tt.ok {
				t.Errorf("Set = %+v, %v; want %+v", got, err, tt.want)
			}
			if tt.ok && got.String() != tt.text {
				t.Errorf("String = %q, want %q", got.String(), tt.text)
			}
		})
	}
}

func TestShowPastOptions(t *testing.T) {
	tests := []struct {
		args string
		want showOptions
		err  string
	}{
		{"/a --rev 3", showOptions{rev: revs{from: 3}}, ""},
		{"/a --history --since 3", showOptions{history: true, since: 3}, ""},
		{"/a --history --rev 3", showOptions{}, "--history and --rev are mutually exclusive"},
		{"/a --since 3", showOptions{}, "--since requires --history"},
		{"/a --history --since 0", showOptions{}, "--since 0: must be a revision such as 812"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			var got *showOptions
			a := &app{System: System{Getenv: func(string) string { return "" }}}
			cmd := newShowCmd(a, func(_ context.Context, opts *showOptions) error {
				got = opts
				return nil
			})
			if err := execute(cmd, tt.args); tt.err != "" || err != nil {
				if err == nil || err.Error() != tt.err {
					t.Errorf("err = %v, want %q", err, tt.err)
				}
				return
			}
			if got.rev != tt.want.rev || got.history != tt.want.history || got.since != tt.want.since {
				t.Errorf("%+v; want %+v", got, tt.want)
			}
		})
	}
}
