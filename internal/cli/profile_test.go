package cli

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"etcd-lock/internal/cli/profiling"
)

func TestProfileOptions(t *testing.T) {
	type options struct {
		For       time.Duration
		Recording string
		From, To  string
		Prefixes  []string
		Patterns  []string
		Page      string
		Top       int
	}
	tests := []struct {
		args string
		want options
		err  bool
	}{
		{"", options{Top: 10}, false},
		{"/a /b --for 10m --class /x/** --class /y/* --top 3", options{
			For: 10 * time.Minute, Prefixes: []string{"/a", "/b"}, Patterns: []string{"/x/**", "/y/*"}, Top: 3,
		}, false},
		{"--recording rec --from 03:00 --to 03:30 --html page", options{
			Recording: "rec", From: "03:00", To: "03:30", Page: "page", Top: 10,
		}, false},
		{"--for 0s", options{}, true},
		{"--for 1m --recording rec", options{}, true},
		{"--to 03:00", options{}, true},
		{"--top 0", options{}, true},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			var got *profiling.Options
			cmd := newProfileCmd(&app{}, func(_ context.Context, opts *profiling.Options) error {
				got = opts
				return nil
			})
			err := execute(cmd, tt.args)
			if tt.err || err != nil {
				if err == nil || !tt.err {
					t.Errorf("err = %v", err)
				}
				return
			}
			o := options{
				For: got.Live.For, Recording: got.Recorded.Path, From: got.Recorded.Span.From, To: got.Recorded.Span.To,
				Prefixes: got.Live.Prefixes, Patterns: got.Patterns, Page: got.Page, Top: got.Top,
			}
			if len(o.Prefixes) == 0 {
				o.Prefixes = nil
			}
			if diff := cmp.Diff(tt.want, o); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
