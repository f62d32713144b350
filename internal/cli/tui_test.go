package cli

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What the terminal UI tells, and whom, is checked before it starts.
func TestTellingFlags(t *testing.T) {
	log := filepath.Join(t.TempDir(), "commands.sh")
	opts := &tuiOptions{}
	if err := (&tellingFlags{commandLog: log, signals: []string{"osc9", "bell"}, program: "sh -x"}).apply(opts); err != nil {
		t.Fatal(err)
	}
	if opts.CommandLog != log || !slices.Equal(opts.Signals, []string{"osc9", "bell"}) || !slices.Equal(opts.Notify, []string{"sh", "-x"}) {
		t.Errorf("%+v", opts)
	}
	for want, f := range map[string]*tellingFlags{
		"--notify horn: must be bell, osc9, osc777 or none": {signals: []string{"horn"}},
		"--notify-exec":   {program: "no-such-program-anywhere"},
		"--command-log":   {commandLog: filepath.Join(log, "x")},
		"--notify-exec: ": {program: " "},
	} {
		if err := f.apply(&tuiOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", f, err, want)
		}
	}
}
