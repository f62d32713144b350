package record

import (
	"slices"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/scenario"
)

// declare names the semaphores of a scenario: with the permits that the first client was told
// of, and those clients that were told otherwise.
func declare(sc *scenario.Scenario) {
	for i := range sc.Clients {
		c := &sc.Clients[i]
		for _, s := range c.Steps {
			for _, l := range s.Locks {
				if l.Mode == rwlock.Slot {
					tell(sc, c, scenario.Semaphore{Name: l.Name, Permits: l.Permits})
				}
			}
		}
	}
}

// tell has a client know of a semaphore.
func tell(sc *scenario.Scenario, c *scenario.Client, told scenario.Semaphore) {
	known := slices.IndexFunc(sc.Semaphores, func(s scenario.Semaphore) bool { return s.Name == told.Name })
	switch {
	case known < 0:
		sc.Semaphores = append(sc.Semaphores, told)
	case sc.Semaphores[known] != told && !slices.Contains(c.Semaphores, told):
		c.Semaphores = append(c.Semaphores, told)
	}
}
