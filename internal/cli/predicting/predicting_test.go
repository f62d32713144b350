package predicting

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"etcd-lock/internal/cmdline"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// The permits of a semaphore decide whether a scenario could deadlock, and are in JSON.
func TestSemaphoreInScenario(t *testing.T) {
	pool := func(weight int) rwlock.LockRequest {
		return rwlock.LockRequest{Name: "/pool", Mode: rwlock.Slot, Weight: weight, Permits: 4}
	}
	a := rwlock.LockRequest{Name: "/a", Mode: rwlock.Write}
	for _, c := range []struct {
		weight int
		want   string
	}{{3, "[]"}, {4, `[{"name":"/pool","mode":"slot","weight":1,"permits":4},{"name":"/a","mode":"write"}]`}} {
		var events []outcome.Event
		for client, locks := range map[string][]rwlock.LockRequest{"one": {pool(1), a}, "other": {a, pool(c.weight)}} {
			for _, l := range locks {
				for _, m := range []scenario.Moment{scenario.Asked, scenario.Granted} {
					events = append(events, outcome.Event{Client: client, Moment: m, Locks: []rwlock.LockRequest{l}})
				}
			}
		}
		steps := []step{}
		for _, p := range Documents(cmdline.Flags{}, Scenario(&scenario.Scenario{}, events)) {
			for _, s := range p.Stories {
				if s.Client == "one" {
					steps = append(steps, s.Held, s.Wanted)
				}
			}
		}
		text, err := json.Marshal(steps)
		if diff := cmp.Diff(c.want, string(text)); diff != "" || err != nil {
			t.Errorf("%d permits wanted: %v (-want +got)\n%s", c.weight, err, diff)
		}
	}
}
