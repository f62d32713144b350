package lanes_test

import (
	"testing"
	"time"

	"etcd-lock/internal/lanes"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

const ms = time.Millisecond

func plain(_ lanes.Look, s string) string { return s }

func stretch(from, to int, s outcome.State) outcome.Stretch {
	return outcome.Stretch{From: time.Duration(from) * ms, To: time.Duration(to) * ms, State: s}
}

func TestRow(t *testing.T) {
	idle, waits := outcome.State{}, outcome.State{Waits: true}
	reads, writes := outcome.State{Holds: rwlock.Read}, outcome.State{Holds: rwlock.Write}
	tests := []struct {
		name string
		lane outcome.Lane
		want string
	}{
		{"all states", outcome.Lane{Stretches: []outcome.Stretch{
			stretch(0, 10, idle), stretch(10, 20, waits), stretch(20, 30, outcome.State{Waits: true, Holds: rwlock.Read}), stretch(30, 40, reads),
			stretch(40, 50, writes), stretch(50, 60, outcome.State{Paused: true}),
		}}, "·░▒▄█╌"},
		{"slots", outcome.Lane{Stretches: []outcome.Stretch{stretch(0, 60, outcome.State{Holds: rwlock.Slot})}}, "▆▆▆▆▆▆"},
		{"a column shows the state at its beginning", outcome.Lane{Stretches: []outcome.Stretch{stretch(0, 25, waits), stretch(25, 41, writes), stretch(41, 60, idle)}}, "░░░██·"},
		{"the next holder does not overlap", outcome.Lane{Stretches: []outcome.Stretch{stretch(0, 23, writes), stretch(23, 60, idle)}}, "███···"},
		{"a short stretch is shown where nothing else is", outcome.Lane{Stretches: []outcome.Stretch{stretch(0, 51, idle), stretch(51, 52, writes), stretch(52, 60, idle)}}, "·····█"},
		{"a short stretch does not hide another", outcome.Lane{Stretches: []outcome.Stretch{stretch(0, 51, waits), stretch(51, 52, writes), stretch(52, 60, idle)}}, "░░░░░░"},
		{"ready late, gone early", outcome.Lane{Stretches: []outcome.Stretch{stretch(20, 40, writes), stretch(40, 60, outcome.State{Gone: true})}}, "  ██  "},
		{"marks", outcome.Lane{Stretches: []outcome.Stretch{stretch(0, 60, writes)}, Marks: []outcome.Mark{
			{At: 0, Moment: scenario.Refused}, {At: 15 * ms, Moment: scenario.Fenced}, {At: 20 * ms, Moment: scenario.Lost}, {At: 60 * ms, Moment: scenario.Crashed},
		}}, "!⊘✗██†"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, scale := range []lanes.Scale{{Columns: 1, Time: 10 * ms}, {Columns: 6, Time: 60 * ms}} {
				if got := lanes.Paint(lanes.Row(tt.lane, 6, scale), plain); got != tt.want {
					t.Errorf("%+v: row %q, want %q", scale, got, tt.want)
				}
			}
		})
	}
	t.Run("no columns", func(t *testing.T) {
		lane := outcome.Lane{Stretches: []outcome.Stretch{stretch(0, 60, writes)}, Marks: []outcome.Mark{{At: ms}}}
		if row := lanes.Row(lane, 0, lanes.Scale{Columns: 1, Time: ms}); len(row) != 0 {
			t.Errorf("row %v", row)
		}
	})
}

func TestPaint(t *testing.T) {
	row := []lanes.Look{lanes.Waits, lanes.Waits, lanes.Writes, lanes.Waits}
	got := lanes.Paint(row, func(l lanes.Look, s string) string { return "<" + l.Meaning() + ":" + s + ">" })
	if want := "<waits:░░><writes:█><waits:░>"; got != want {
		t.Errorf("painted %q, want %q", got, want)
	}
}

func TestLegend(t *testing.T) {
	rows := [][]lanes.Look{{lanes.Nothing, lanes.Idle, lanes.Writes}, {lanes.Fault, lanes.Waits, lanes.Writes}}
	if got, want := lanes.Legend(rows, plain), "░ waits  █ writes"; got != want {
		t.Errorf("legend %q, want %q", got, want)
	}
}

// Looks that need a legend have distinct signs and words.
func TestLooks(t *testing.T) {
	signs, words := map[string]bool{}, map[string]bool{}
	for l := lanes.Nothing; l <= lanes.Fault; l++ {
		if signs[l.Sign()] || l.Meaning() != "" && words[l.Meaning()] {
			t.Errorf("look %d: sign %q or word %q is not its own", l, l.Sign(), l.Meaning())
		}
		signs[l.Sign()], words[l.Meaning()] = true, true
	}
}
