package outcome

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/scenario"
)

func TestDraw(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	read, write := []rwlock.LockRequest{{Name: "/a", Mode: rwlock.Read}}, []rwlock.LockRequest{{Name: "/a", Mode: rwlock.Write}}
	other := []rwlock.LockRequest{{Name: "/b", Mode: rwlock.Read}}
	step := func(line int) scenario.Place { return scenario.Place{Line: line} }
	at := func(n int, m scenario.Moment, locks []rwlock.LockRequest) Event {
		return Event{At: ms(n), Client: "c", Moment: m, Locks: locks}
	}
	idle, waits := State{}, State{Waits: true}
	reads, writes := State{Holds: rwlock.Read}, State{Holds: rwlock.Write}
	tests := []struct {
		name   string
		events []Event
		want   []Stretch
		marks  []Mark
	}{
		{"it grows while nothing happens", []Event{at(10, scenario.Ready, nil)}, []Stretch{{ms(10), ms(100), idle}}, nil},
		{"a wait and a hold", []Event{at(0, scenario.Ready, nil), at(10, scenario.Asked, read), at(10, scenario.Waiting, read), at(20, scenario.Granted, read), at(30, scenario.Released, read)}, []Stretch{
			{0, ms(10), idle}, {ms(10), ms(20), waits}, {ms(20), ms(30), reads}, {ms(30), ms(100), idle},
		}, nil},
		{"a change both ways", []Event{
			at(0, scenario.Granted, read), {At: ms(10), Client: "c", Moment: scenario.Asked, Do: scenario.Upgrade, Locks: write},
			at(20, scenario.Granted, write), at(30, scenario.Downgraded, read),
		}, []Stretch{
			{0, ms(10), reads}, {ms(10), ms(20), State{Waits: true, Holds: rwlock.Read}}, {ms(20), ms(30), writes}, {ms(30), ms(100), reads},
		}, nil},
		{"writing is more than reading", []Event{at(0, scenario.Granted, write), at(10, scenario.Granted, other), at(20, scenario.Released, write)}, []Stretch{
			{0, ms(20), writes}, {ms(20), ms(100), reads},
		}, nil},
		{"a wait in vain", []Event{at(0, scenario.Asked, read), {At: ms(10), Client: "c", Moment: scenario.Deadline, Line: "c not acquired"}}, []Stretch{
			{0, ms(10), waits}, {ms(10), ms(100), idle},
		}, []Mark{{ms(10), scenario.Deadline, "c not acquired"}}},
		{"a loss while it waits for another", []Event{
			{Client: "c", Moment: scenario.Granted, Place: step(1), Locks: write},
			{Client: "c", Moment: scenario.Asked, Place: step(2), Locks: other},
			{At: ms(10), Client: "c", Moment: scenario.Lost, Place: step(1), Locks: write},
			{At: ms(20), Client: "c", Moment: scenario.Lost, Place: step(2), Locks: other},
		}, []Stretch{
			{0, ms(10), State{Waits: true, Holds: rwlock.Write}}, {ms(10), ms(20), waits}, {ms(20), ms(100), idle},
		}, []Mark{{At: ms(10), Moment: scenario.Lost}, {At: ms(20), Moment: scenario.Lost}}},
		{"an upgrade refused keeps what there was", []Event{at(0, scenario.Granted, read), at(10, scenario.Asked, write), at(20, scenario.Refused, write)}, []Stretch{
			{0, ms(10), reads}, {ms(10), ms(20), State{Waits: true, Holds: rwlock.Read}}, {ms(20), ms(100), reads},
		}, []Mark{{At: ms(20), Moment: scenario.Refused}}},
		{"an unlock that failed", []Event{at(0, scenario.Granted, read), {At: ms(10), Client: "c", Moment: scenario.Failed, Do: scenario.Unlock, Locks: read}}, []Stretch{
			{0, ms(10), reads}, {ms(10), ms(100), idle},
		}, []Mark{{At: ms(10), Moment: scenario.Failed}}},
		{"a pause, and what came out when it was over", []Event{
			at(0, scenario.Granted, write), at(10, scenario.Paused, nil), at(30, scenario.Resumed, nil), at(40, scenario.Lost, write), at(25, scenario.Fenced, nil),
		}, []Stretch{
			{0, ms(10), writes}, {ms(10), ms(30), State{Holds: rwlock.Write, Paused: true}}, {ms(30), ms(40), writes}, {ms(40), ms(100), idle},
		}, []Mark{{At: ms(40), Moment: scenario.Lost}, {At: ms(25), Moment: scenario.Fenced}}},
		{"a crash", []Event{at(0, scenario.Granted, write), at(10, scenario.Crashed, nil)}, []Stretch{
			{0, ms(10), writes}, {ms(10), ms(100), State{Gone: true}},
		}, []Mark{{At: ms(10), Moment: scenario.Crashed}}},
		{"what is still to come", []Event{at(0, scenario.Ready, nil), at(200, scenario.Asked, read)}, []Stretch{{0, ms(100), idle}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := Draw(tt.events, ms(100))
			want := Picture{Until: ms(100), Lanes: []Lane{{Client: "c", Stretches: tt.want, Marks: tt.marks}}}
			if diff := cmp.Diff(want, p); diff != "" {
				t.Errorf("picture (-want +got)\n%s", diff)
			}
		})
	}
	t.Run("lanes in order, and faults", func(t *testing.T) {
		p := Draw([]Event{
			{Moment: scenario.Preparing}, {Client: "b", Moment: scenario.Ready}, {Client: "a", Moment: scenario.Ready}, {At: 1, Moment: scenario.Faulty, Line: "kill leader"},
		}, 2)
		want := Picture{
			Until:  2,
			Lanes:  []Lane{{Client: "b", Stretches: []Stretch{{0, 2, idle}}}, {Client: "a", Stretches: []Stretch{{0, 2, idle}}}},
			Faults: []Mark{{At: 1, Moment: scenario.Faulty, Text: "kill leader"}},
		}
		if diff := cmp.Diff(want, p); diff != "" {
			t.Errorf("picture (-want +got)\n%s", diff)
		}
	})
}
