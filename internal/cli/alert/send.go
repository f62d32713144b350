package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"etcd-lock/internal/backoff"
	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/printable"
)

const (
	maxQueue = 100
	tries    = 5
	within   = 10 * time.Second // each try
	farewell = 5 * time.Second  // for what is queued at the end
	pauseMin = time.Second
	pauseMax = 30 * time.Second
)

// hook is somebody to tell.
type hook interface {
	fmt.Stringer
	// deliver tells it once.
	deliver(ctx context.Context, n docs.Notice, body []byte) error
}

// permanentError is an error of a hook that does not go away by trying again.
type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// sender passes lines on to a hook, in order, one at a time.
type sender struct {
	hook  hook
	warn  func(string)
	pause time.Duration // after the first try that fails
	queue chan docs.Notice
	end   context.CancelFunc
	done  chan struct{}

	mu      sync.Mutex
	dropped int
}

func newSender(h hook, warn func(string)) *sender {
	ctx, end := context.WithCancel(context.Background())
	s := &sender{hook: h, warn: warn, pause: pauseMin, queue: make(chan docs.Notice, maxQueue), end: end, done: make(chan struct{})}
	go s.run(ctx)
	return s
}

// send queues a line. If too many are queued, it is left out.
func (s *sender) send(n docs.Notice) {
	select {
	case s.queue <- n:
	default:
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.dropped == 0 {
			s.warn(fmt.Sprintf("%s: %d lines wait for it, further ones are not passed on", s.hook, maxQueue))
		}
		s.dropped++
	}
}

// close passes on what is queued, for a few seconds, and ends.
func (s *sender) close() {
	close(s.queue)
	defer time.AfterFunc(farewell, s.end).Stop()
	<-s.done
	s.end()
}

func (s *sender) run(ctx context.Context) {
	defer close(s.done)
	lost := 0
	for n := range s.queue {
		s.sayDropped()
		if err := s.deliver(ctx, n); err != nil {
			lost++
			if ctx.Err() == nil {
				s.warn(fmt.Sprintf("%s was not told of %s %s: %v", s.hook, n.Event, n.Finding.Kind, err))
			}
		}
	}
	if ctx.Err() != nil && lost > 0 {
		s.warn(fmt.Sprintf("%s was not told of everything: it took too long at the end", s.hook))
	}
}

// sayDropped says how many lines were left out, once there is room again.
func (s *sender) sayDropped() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dropped > 0 && len(s.queue) < maxQueue/2 {
		s.warn(fmt.Sprintf("%s: %d lines were not passed on", s.hook, s.dropped))
		s.dropped = 0
	}
}

// deliver tries to pass on a line until that succeeds, at most a few times.
func (s *sender) deliver(ctx context.Context, n docs.Notice) error {
	body, err := json.Marshal(n)
	if err != nil {
		return err
	}
	body = append(printable.JSON(body), '\n')
	retry := backoff.Exponential{First: s.pause, Max: pauseMax}
	for try := 1; ; try++ {
		err := s.once(ctx, n, body)
		if err == nil || try == tries || errors.As(err, new(permanentError)) || !retry.Pause(ctx) {
			return err
		}
	}
}

func (s *sender) once(ctx context.Context, n docs.Notice, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err := s.hook.deliver(ctx, n, body)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("it took longer than %s", within)
	}
	return err
}
