package alert

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"etcd-lock/internal/cli/contexts"
	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/locktest"
)

// Problems of several contexts are kept apart, and each is told with its context.
func TestSeveral(t *testing.T) {
	s := &scene{t: t, now: locktest.Epoch}
	f := newFollower(s.teller(&Options{
		Flags:   Flags{Watch: true, Mute: []string{"long-wait:/muted=1h"}},
		Several: &contexts.Lasting{Members: []contexts.Member{{Name: "dev"}, {Name: "prod"}}, Terminal: &sync.Mutex{}},
	}))
	queue := make(chan docs.Notice, 10)
	f.senders = []*sender{{queue: queue}}
	s.watcher = f.watchers["dev"]
	s.round(waiting)
	s.said("dev raised warning long-wait /a")
	s.watcher = f.watchers["prod"]
	s.round(waiting + "\n/muted A.w1 B.w2@5m")
	s.said("prod raised warning long-wait /a", "prod raised warning long-wait /muted muted")
	s.round(quiet)
	s.said("prod cleared warning long-wait /a", "prod cleared warning long-wait /muted")
	for _, want := range []string{"dev raised", "prod raised", "prod cleared"} {
		n := <-queue
		if got := n.Context + " " + n.Event; got != want {
			t.Errorf("passed on: %s, want %s", got, want)
		}
		if env := environment(n); !slices.Contains(env, "ETCD_LOCK_CONTEXT="+n.Context) {
			t.Errorf("%q", env)
		}
	}

	// One that does not answer from the start on.
	var said []string
	f.opts.Retrying = func(context string, err error) { said = append(said, context+": "+err.Error()) }
	for range 3 {
		f.Down(contexts.Member{Name: "dev"}, errors.New("gone"))
		s.now = s.now.Add(10 * time.Second)
	}
	s.said("dev raised critical no-contact")
	if want := []string{"dev: gone"}; !slices.Equal(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
}
