package trace

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"etcd-lock/internal/keyspace"
	"etcd-lock/rwlock"
)

// step makes a step of a request for the lock /a.
func step(request int, mode rwlock.Mode, kind rwlock.EventKind, token int64, ahead ...int64) Step {
	e := rwlock.Event{Kind: kind, Locks: []rwlock.LockRequest{{Name: "/a", Mode: mode}}, Token: token, Position: len(ahead)}
	for _, a := range ahead {
		e.Ahead = append(e.Ahead, rwlock.Ahead{Key: keyspace.Encode("/a", keyspace.Write, "x"), Mode: rwlock.Write, Token: a})
	}
	return Step{Request: request, Who: "client", Event: e}
}

// valid is a trace that the protocol allows: a writer, a reader and a writer behind it, and a
// request that gives up.
func valid() []Step {
	return []Step{
		0:  step(0, rwlock.Write, rwlock.EventWaiting, 0),
		1:  step(0, rwlock.Write, rwlock.EventGranted, 5),
		2:  step(1, rwlock.Read, rwlock.EventWaiting, 0),
		3:  step(1, rwlock.Read, rwlock.EventQueued, 0, 5),
		4:  step(2, rwlock.Write, rwlock.EventWaiting, 0),
		5:  step(2, rwlock.Write, rwlock.EventQueued, 0, 5, 6),
		6:  step(1, rwlock.Read, rwlock.EventGranted, 6),
		7:  step(0, rwlock.Write, rwlock.EventReleased, 5), // reported after the grant that it led to
		8:  step(3, rwlock.Read, rwlock.EventWaiting, 0),
		9:  step(3, rwlock.Read, rwlock.EventFailed, 0),
		10: step(1, rwlock.Read, rwlock.EventReleased, 6),
		11: step(2, rwlock.Write, rwlock.EventGranted, 7),
		12: step(2, rwlock.Write, rwlock.EventLost, 7),
		13: step(2, rwlock.Write, rwlock.EventReleased, 7),
	}
}

func TestCheckAllows(t *testing.T) {
	if faults := Check(valid()); len(faults) > 0 {
		t.Error(faults)
	}
	late := valid() // its key was deleted before it learned of its grant
	late[12].Event.Kind, late[12].Event.Err = rwlock.EventLost, errors.New("lost")
	late[13].Event.Err = late[12].Event.Err
	late = append(late[:11], step(4, rwlock.Write, rwlock.EventWaiting, 0), step(4, rwlock.Write, rwlock.EventGranted, 8), valid()[11], late[12], late[13])
	if faults := Check(late); len(faults) > 0 {
		t.Error(faults)
	}
}

// TestCheckRejects changes the trace so that the protocol does not allow it any more. A
// checker that lets it pass checks nothing.
func TestCheckRejects(t *testing.T) {
	for name, m := range map[string]struct {
		change func([]Step) []Step
		want   string
	}{
		"granted twice":            {func(s []Step) []Step { return slices.Insert(s, 2, s[1]) }, `"granted" after "granted"`},
		"granted unrequested":      {func(s []Step) []Step { return s[1:] }, `"granted" after ""`},
		"queued after the grant":   {func(s []Step) []Step { s[3], s[6] = s[6], s[3]; return s }, `"queued" after "granted"`},
		"released twice":           {func(s []Step) []Step { return append(s, s[13]) }, `"released" after "released"`},
		"lost after released":      {func(s []Step) []Step { return append(s, s[12]) }, `"lost" after "released"`},
		"granted after it failed":  {func(s []Step) []Step { return slices.Insert(s, 10, step(3, rwlock.Read, rwlock.EventGranted, 9)) }, `"granted" after "failed"`},
		"failed and released":      {func(s []Step) []Step { s[1].Event.Kind = rwlock.EventFailed; return s }, `"released" after "failed"`},
		"one token twice":          {func(s []Step) []Step { s[6].Event.Token = 5; return s }, "which request 0 has"},
		"token before those ahead": {func(s []Step) []Step { s[11].Event.Token = 4; return s }, "was ahead"},
		"granted before those ahead": {func(s []Step) []Step { // and those have the lock later
			return []Step{s[2], s[0], s[6], s[1], s[7], s[10]}
		}, "after token"},
		"released by another token": {func(s []Step) []Step { s[10].Event.Token = 3; return s }, "but was granted with 6"},
		"ahead and not in the way":  {func(s []Step) []Step { s[3].Event.Ahead[0].Mode = rwlock.Read; return s }, "does not exclude it"},
		"ahead of another lock":     {func(s []Step) []Step { s[3].Event.Ahead[0].Key = "/b/write/x"; return s }, "does not exclude it"},
		"ahead in no order":         {func(s []Step) []Step { slices.Reverse(s[5].Event.Ahead); return s }, "is ahead after"},
		"fewer than those ahead":    {func(s []Step) []Step { s[5].Event.Position = 1; return s }, "at position 1"},
	} {
		t.Run(name, func(t *testing.T) {
			faults := Check(m.change(valid()))
			if !strings.Contains(strings.Join(faults, "\n"), m.want) {
				t.Errorf("faults %q, want %q", faults, m.want)
			}
		})
	}
}

// permit makes a step of a request for some of three permits of the semaphore /s.
func permit(request, weight int, kind rwlock.EventKind, token int64, ahead ...int64) Step {
	s := step(request, rwlock.Slot, kind, token)
	s.Event.Locks = []rwlock.LockRequest{{Name: "/s", Mode: rwlock.Slot, Weight: weight, Permits: 3}}
	s.Event.Position = len(ahead)
	for _, a := range ahead {
		s.Event.Ahead = append(s.Event.Ahead, rwlock.Ahead{Key: keyspace.Encode("/s", keyspace.Slot, "x"), Mode: rwlock.Slot, Token: a})
	}
	return s
}

// permits is a trace of a semaphore that the protocol allows: the first two requests have
// permits at once, and the second one learns of it first; the third one waits for both.
func permits() []Step {
	return []Step{
		0: permit(0, 2, rwlock.EventWaiting, 0),
		1: permit(1, 1, rwlock.EventWaiting, 0),
		2: permit(2, 2, rwlock.EventWaiting, 0),
		3: permit(1, 1, rwlock.EventGranted, 6),
		4: permit(0, 2, rwlock.EventGranted, 5),
		5: permit(2, 2, rwlock.EventQueued, 0, 5, 6),
		6: permit(0, 2, rwlock.EventReleased, 5),
		7: permit(2, 2, rwlock.EventGranted, 7),
		8: permit(1, 1, rwlock.EventReleased, 6),
		9: permit(2, 2, rwlock.EventReleased, 7),
	}
}

func TestCheckSemaphore(t *testing.T) {
	if faults := Check(permits()); len(faults) > 0 {
		t.Error(faults)
	}
	for name, m := range map[string]struct {
		change func([]Step) []Step
		want   string
	}{
		"more than there are, out of turn": {func(s []Step) []Step { s[4], s[7] = s[7], s[4]; return s }, "granted token 5 of /s after token 7"},
		"one token twice":                  {func(s []Step) []Step { s[7].Event.Token = 6; return s }, "which request 1 has"},
		"token before those ahead":         {func(s []Step) []Step { s[7].Event.Token = 4; return s }, "was ahead"},
		"ahead of another semaphore":       {func(s []Step) []Step { s[5].Event.Ahead[0].Key = "/b/slot/x"; return s }, "does not exclude it"},
		"ahead of a lock":                  {func(s []Step) []Step { s[5].Event.Ahead[0].Key = "/s/write/x"; return s }, "does not exclude it"},
		"granted twice":                    {func(s []Step) []Step { return slices.Insert(s, 5, s[4]) }, `"granted" after "granted"`},
		"released by another token":        {func(s []Step) []Step { s[8].Event.Token = 3; return s }, "but was granted with 6"},
	} {
		t.Run(name, func(t *testing.T) {
			faults := Check(m.change(permits()))
			if !strings.Contains(strings.Join(faults, "\n"), m.want) {
				t.Errorf("faults %q, want %q", faults, m.want)
			}
		})
	}
}
