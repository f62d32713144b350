package profiling

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/pprof/profile"

	"etcd-lock/internal/printable"
	waits "etcd-lock/internal/profile"
)

// frame returns the name of a frame. In the format of flamegraph.pl a semicolon ends a
// frame, so it is escaped as printable.Text escapes.
func frame(name string) string { return strings.ReplaceAll(printable.Text(name), ";", `\x3b`) }

// writeFolded writes the stacks of a profile, a line each, with what was waited in
// microseconds.
func writeFolded(w io.Writer, p waits.Profile) error {
	out := bufio.NewWriter(w)
	for _, s := range p.Stacks() {
		frames := make([]string, 0, len(s.Frames))
		for _, f := range s.Frames {
			frames = append(frames, frame(f))
		}
		if us := s.Waited.Microseconds(); us > 0 {
			_, _ = fmt.Fprintf(out, "%s %d\n", strings.Join(frames, ";"), us) // Flush returns the error
		}
	}
	return out.Flush()
}

// writePprof writes the stacks of a profile for pprof: what was waited, in nanoseconds.
func writePprof(w io.Writer, p waits.Profile) error {
	mapping := &profile.Mapping{ID: 1, HasFunctions: true} // else pprof looks for a program
	out := &profile.Profile{
		SampleType:    []*profile.ValueType{{Type: "wait", Unit: "nanoseconds"}},
		PeriodType:    &profile.ValueType{Type: "wait", Unit: "nanoseconds"},
		Period:        1,
		TimeNanos:     p.From.UnixNano(),
		DurationNanos: int64(p.Watched),
		Mapping:       []*profile.Mapping{mapping},
	}
	locations := map[string]*profile.Location{}
	for _, s := range p.Stacks() {
		sample := &profile.Sample{Value: []int64{int64(s.Waited / time.Nanosecond)}}
		for i := len(s.Frames) - 1; i >= 0; i-- { // the leaf is first
			name := printable.Text(s.Frames[i])
			l, ok := locations[name]
			if !ok {
				f := &profile.Function{ID: uint64(len(out.Function) + 1), Name: name, SystemName: name}
				out.Function = append(out.Function, f)
				l = &profile.Location{ID: f.ID, Mapping: mapping, Line: []profile.Line{{Function: f}}}
				out.Location = append(out.Location, l)
				locations[name] = l
			}
			sample.Location = append(sample.Location, l)
		}
		out.Sample = append(out.Sample, sample)
	}
	return out.Write(w)
}
