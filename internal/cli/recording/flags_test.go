package recording

import (
	"testing"

	"github.com/spf13/pflag"
)

func TestTimes(t *testing.T) {
	for _, name := range []string{"at", "from", "to"} {
		fs := pflag.NewFlagSet("", pflag.ContinueOnError)
		new(Flags).Register(fs)
		new(Span).Register(fs)
		for _, bad := range []string{"", "yesterday", "25:00", "2h"} {
			if err := fs.Set(name, bad); err == nil {
				t.Errorf("--%s %q is taken", name, bad)
			}
		}
		if err := fs.Set(name, "03:12"); err != nil || fs.Lookup(name).Value.String() != "03:12" {
			t.Errorf("--%s 03:12: %q, %v", name, fs.Lookup(name).Value, err)
		}
	}
}

func TestRecordOptionsCheck(t *testing.T) {
	for _, tt := range []struct {
		opts RecordOptions
		ok   bool
	}{
		{RecordOptions{Dir: "d", MaxSize: 1 << 20}, true},
		{RecordOptions{Dir: "d", MaxSize: 1<<20 - 1}, false},
		{RecordOptions{MaxSize: 1 << 30}, false},
	} {
		if err := tt.opts.Check(); (err == nil) != tt.ok {
			t.Errorf("%+v: %v", tt.opts, err)
		}
	}
}

func TestValues(t *testing.T) {
	for s, want := range map[string]string{"7d": "7d", "48h": "2d", "12h": "12h0m0s", "0d": "", "-1h": "", "d": "", "70000d": "", "": ""} {
		var a Age
		if err := a.Set(s); (err == nil) != (want != "") || err == nil && a.String() != want {
			t.Errorf("age %q: %s, %v", s, a.String(), err)
		}
	}
	for s, want := range map[string]string{"1GiB": "1GiB", "1024MiB": "1GiB", "500": "500", "0": "", "1GB": "", "-1": "", "9999999999GiB": ""} {
		var b Size
		if err := b.Set(s); (err == nil) != (want != "") || err == nil && b.String() != want {
			t.Errorf("size %q: %s, %v", s, b.String(), err)
		}
	}
}
