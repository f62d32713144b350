package simulate

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// bell notes what a clock lets go.
type bell struct {
	t *testing.T
	*Clock
	mu   sync.Mutex
	rung []string
}

func newBell(t *testing.T, speed float64) *bell {
	t.Helper()
	c, err := NewClock(speed)
	if err == nil {
		err = c.begin()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.end)
	return &bell{t: t, Clock: c}
}

func (b *bell) at(d time.Duration, what string) (stop func()) {
	return b.after(d, 0, what, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.rung = append(b.rung, what)
	})
}

// heard lets time pass and checks what has rung so far.
func (b *bell) heard(passed time.Duration, want ...string) {
	b.t.Helper()
	time.Sleep(passed) // in a bubble of time
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.rung, want) {
		b.t.Errorf("rang %q, want %q", b.rung, want)
	}
}

func (b *bell) wantElapsed(want time.Duration) {
	b.t.Helper()
	if got := b.Elapsed(); got != want {
		b.t.Errorf("ran for %s, want %s", got, want)
	}
}

func TestClockOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBell(t, 1)
		b.at(2*time.Second, "later")
		b.at(time.Second, "first")
		b.at(time.Second, "second")
		stop := b.at(time.Second, "never")
		b.at(-time.Hour, "long ago")
		stop()
		b.heard(0, "long ago")
		b.heard(time.Second, "long ago", "first", "second")
		stop() // once more is no harm
		b.heard(time.Second, "long ago", "first", "second", "later")
	})
}

// Time does not pass before the run, in a pause, and after the run.
func TestClockPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bell{t: t, Clock: &Clock{}}
		time.Sleep(time.Hour)
		b.wantElapsed(0)
		if err := b.begin(); err != nil {
			t.Fatal(err)
		}
		b.at(time.Second, "a")
		b.heard(900 * time.Millisecond)
		b.Pause()
		b.at(0, "at once")
		b.heard(time.Hour)
		b.wantElapsed(900 * time.Millisecond)
		if s := b.State(); !s.Paused || s.Next != "at once" || s.In != 0 {
			t.Errorf("state %+v", s)
		}
		b.Resume()
		b.heard(99*time.Millisecond, "at once")
		if s := b.State(); s.Paused || s.Next != "a" || s.In != time.Millisecond {
			t.Errorf("state %+v", s)
		}
		b.heard(time.Millisecond, "at once", "a")
		b.end()
		b.Resume()
		time.Sleep(time.Hour)
		b.wantElapsed(time.Second)
		if err := b.begin(); err == nil {
			t.Error("it began again")
		}
	})
}

// A step takes the time until something happens, lets go one of what is due at
// once, and does not count what cannot be seen.
func TestClockStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBell(t, 1)
		b.Pause()
		b.at(time.Second, "a")
		b.at(time.Second, "b")
		b.at(500*time.Millisecond, "")
		b.at(2*time.Second, "c")
		b.Step()
		b.heard(999*time.Millisecond, "")
		if s := b.State(); s.Paused || !s.Stepping {
			t.Errorf("state %+v", s)
		}
		b.heard(time.Hour, "", "a")
		b.wantElapsed(time.Second)
		b.Step()
		b.heard(time.Hour, "", "a", "b")
		b.wantElapsed(time.Second)
		b.Step()
		b.heard(time.Hour, "", "a", "b", "c")
		b.wantElapsed(2 * time.Second)

		b.Step() // nothing is due: it goes on until something is
		b.heard(time.Minute, "", "a", "b", "c")
		b.at(0, "d")
		b.at(0, "e")
		b.heard(time.Hour, "", "a", "b", "c", "d")
		b.wantElapsed(2*time.Second + time.Minute)
		b.Step()
		b.Pause() // which ends the step
		b.at(0, "f")
		b.heard(time.Hour, "", "a", "b", "c", "d")
	})
}

// A running clock stops at what comes next when it is stepped.
func TestClockStepWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBell(t, 1)
		b.at(time.Second, "a")
		b.at(2*time.Second, "b")
		b.Step()
		b.heard(time.Hour, "a")
		b.Resume()
		b.heard(time.Second, "a", "b")
	})
}

func TestClockSpeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBell(t, 10)
		b.at(10*time.Second, "a")
		b.at(20*time.Second, "b")
		b.heard(time.Second, "a")
		if err := b.SetSpeed(0.5); err != nil {
			t.Fatal(err)
		}
		b.heard(19999*time.Millisecond, "a")
		b.heard(time.Millisecond, "a", "b")
		b.wantElapsed(21 * time.Second)
		if run, now := b.read(); run != 21*time.Second || now != 20*time.Second {
			t.Errorf("it is %s after %s", now, run)
		}
		for _, bad := range []float64{0, -1, math.NaN(), math.Inf(1)} {
			if err := b.SetSpeed(bad); err == nil {
				t.Errorf("its speed is %v", bad)
			}
		}
	})
}

// However fast time passes, and however slowly, it neither goes back nor ends.
func TestClockExtremes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBell(t, math.MaxFloat64)
		b.at(math.MaxInt64, "in a century")
		b.heard(time.Second, "in a century")
		b.at(math.MaxInt64, "in the next")
		b.heard(time.Second, "in a century", "in the next")
		b = newBell(t, math.SmallestNonzeroFloat64)
		b.at(0, "now")
		b.at(time.Nanosecond, "never")
		b.heard(time.Hour, "now")
	})
}

// What takes so much of the run at least does so when time has become faster.
func TestClockLeast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBell(t, 1)
		ctx, cancel := b.timeout(t.Context(), 10*time.Second, 10*time.Second, "gives up")
		defer cancel()
		time.Sleep(time.Second)
		if err := b.SetSpeed(100); err != nil {
			t.Fatal(err)
		}
		time.Sleep(8999 * time.Millisecond)
		synctest.Wait()
		if ctx.Err() != nil {
			t.Fatal("it has given up")
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Errorf("Err = %v", ctx.Err())
		}
	})
}

// A context of the clock ends as one of package context does, and what is made of
// it too.
func TestClockTimeout(t *testing.T) {
	tests := []struct {
		name string
		end  func(parent, cancel func())
		want error
	}{
		{"its time is over", func(_, _ func()) {}, context.DeadlineExceeded},
		{"it is cancelled", func(_, cancel func()) { cancel() }, context.Canceled},
		{"its parent is", func(parent, _ func()) { parent() }, context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // which also wants no goroutine to stay
				b := newBell(t, 1)
				parent, end := context.WithCancel(t.Context())
				defer end()
				ctx, cancel := b.timeout(parent, time.Second, 0, "gives up")
				defer cancel()
				child, leave := context.WithCancel(ctx)
				defer leave()
				tt.end(end, cancel)
				<-child.Done()
				for _, c := range []context.Context{ctx, child} {
					if !errors.Is(c.Err(), tt.want) || !errors.Is(context.Cause(c), tt.want) {
						t.Errorf("Err = %v, Cause = %v, want %v", c.Err(), context.Cause(c), tt.want)
					}
				}
				cancel()
				if s := b.State(); s.Next != "" {
					t.Errorf("left on the agenda: %s", s.Next)
				}
			})
		})
	}
	t.Run("a pause", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBell(t, 1)
			ctx, cancel := b.timeout(t.Context(), time.Second, 0, "gives up")
			defer cancel()
			b.Pause()
			time.Sleep(time.Hour)
			if ctx.Err() != nil {
				t.Error("it has ended")
			}
		})
	})
}

func TestClockWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBell(t, 1)
		if !b.wait(t.Context(), time.Second, "a") {
			t.Error("it did not come")
		}
		b.wantElapsed(time.Second)
		b.Pause()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if b.wait(ctx, time.Second, "b") {
			t.Error("it came in a pause")
		}
		if s := b.State(); s.Next != "" {
			t.Errorf("left on the agenda: %s", s.Next)
		}
	})
}
