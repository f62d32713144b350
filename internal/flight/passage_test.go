package flight

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"etcd-lock/internal/inspect"
)

// events is an update with a change of which there is an event.
func (r *recorderT) event(revision int64) {
	r.t.Helper()
	s := locksAt(revision)
	request := s.Locks[0].Queue[0]
	r.Update(inspect.Update{Snapshot: s, Events: []inspect.Event{{Kind: inspect.EventGranted, Request: request, Revision: revision, Time: r.clock.wall}}})
	r.Tick()
	r.clock.pass(time.Second)
}

// said is the steps of a passage in short.
func (p Passage) said() []string {
	var all []string
	for _, s := range p.Steps {
		switch {
		case len(s.Events) > 0:
			all = append(all, fmt.Sprint(s.Events[0].Revision))
		default:
			all = append(all, string(s.Kind))
		}
	}
	return all
}

// What was recorded before and after a time is found whichever segments it is in.
func TestPassages(t *testing.T) {
	r := newRecorder(t, Options{})
	for revision := int64(1); revision <= 12; revision++ {
		r.event(revision)
		if revision%3 == 0 {
			r.rotate(CauseSize, nil)
		}
	}
	r.kill()
	r.clock.pass(time.Minute)
	r.start()
	r.event(20)
	r.event(21)
	recording := r.open()
	tests := []struct {
		at   int // seconds since the recording began
		most int
		want []string
		back bool
	}{
		{at: 3, most: 2, back: true, want: []string{"3", "4"}},
		{at: 3, most: 99, back: true, want: []string{"2", "3", "4"}},
		{at: 0, most: 5, back: true},
		{at: 3, most: 2, want: []string{"5", "6"}},
		{at: 30, most: 5, want: []string{"picture", "21"}}, // in the gap
		{at: 100, most: 5},
	}
	for _, tt := range tests {
		read := recording.After
		if tt.back {
			read = recording.Before
		}
		p, err := read(epoch.Add(time.Duration(tt.at)*time.Second), tt.most)
		if err != nil || !slices.Equal(p.said(), tt.want) {
			t.Errorf("%+v: %v, %v", tt, p.said(), err)
		}
	}
	if p, err := recording.Before(epoch.Add(-time.Second), 5); err == nil {
		t.Errorf("before the recording: %v", p.said())
	}
	p, _ := recording.After(epoch.Add(30*time.Second), 5)
	if got := p.Steps[0].Text(); got != "nothing was recorded from "+Show(epoch.Add(11*time.Second))+" to "+Show(epoch.Add(72*time.Second))+": the recorder was started again" {
		t.Error(got)
	}
}
