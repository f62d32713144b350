package cli

import (
	"context"
	"slices"
	"testing"
	"time"

	"etcd-lock/internal/cli/recording"
)

func TestRecordOptions(t *testing.T) {
	const day = 24 * time.Hour
	tests := []struct {
		args string
		want recording.RecordOptions
		err  bool
	}{
		{"dir", recording.RecordOptions{Dir: "dir", Keep: recording.Age(7 * day), MaxSize: 1 << 30}, false},
		{"dir /a /b --keep 36h --max-size 10MiB", recording.RecordOptions{Dir: "dir", Prefixes: []string{"/a", "/b"}, Keep: recording.Age(36 * time.Hour), MaxSize: 10 << 20}, false},
		{"", recording.RecordOptions{}, true},
		{"dir --keep 0d", recording.RecordOptions{}, true},
		{"dir --max-size 1", recording.RecordOptions{}, true},
		{"dir --max-size 1TB", recording.RecordOptions{}, true},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			var got *recording.RecordOptions
			cmd := newRecordCmd(&app{}, func(_ context.Context, opts *recording.RecordOptions) error {
				got = opts
				return nil
			})
			if err := execute(cmd, tt.args); tt.err || err != nil {
				if err == nil || !tt.err {
					t.Errorf("err = %v", err)
				}
				return
			}
			if got.Dir != tt.want.Dir || !slices.Equal(got.Prefixes, tt.want.Prefixes) || got.Keep != tt.want.Keep || got.MaxSize != tt.want.MaxSize {
				t.Errorf("%+v; want %+v", got, tt.want)
			}
		})
	}
}
