package rwlock_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// clock is a time as it stands in logs.
func clock(t time.Duration) string { return fmt.Sprintf("%.3fs", t.Seconds()) }

// tally counts by kind, and collects what must not be.
type tally struct {
	mu         sync.Mutex
	counts     map[string]int
	violations []string
	log        []string

	resumed atomic.Int64 // when a member that was paused went on last, in nanoseconds
	stall   atomic.Int64 // the longest that this process did not get to run, in nanoseconds
}

func newTally() *tally { return &tally{counts: map[string]int{}} }

// tolerance is how late a client may be told of what its own clock could have told it.
func (t *tally) tolerance() time.Duration { return time.Second + time.Duration(t.stall.Load()) }

// measureStalls measures for how long this process does not get to run: what is late by that is
// not late by a fault of the locks. The caller must call stop, which waits until it has ended.
func (t *tally) measureStalls(ctx context.Context) (stop func()) {
	const tick = 20 * time.Millisecond
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		for before := now(); wait(ctx, tick); before = now() {
			t.stall.Store(max(t.stall.Load(), int64(now()-before-tick)))
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}

// note adds a line to the log, which is kept when there is a violation.
func (t *tally) note(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.log = append(t.log, clock(now())+" "+fmt.Sprintf(format, args...))
}

func (t *tally) count(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[what]++
}

func (t *tally) violation(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := fmt.Sprintf(format, args...)
	t.violations = append(t.violations, v)
	t.log = append(t.log, clock(now())+" VIOLATION "+v)
}

// happened reports whether there has been a fault of that kind.
func (t *tally) happened(kind string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts["faults: "+kind] > 0
}

// sum adds up the counts of a group.
func (t *tally) sum(group string) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for what, count := range t.counts {
		if strings.HasPrefix(what, group+": ") {
			n += count
		}
	}
	return n
}

// String lists the counts of each group, which is the word before the colon.
func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	last := ""
	for _, what := range slices.Sorted(maps.Keys(t.counts)) {
		group, kind, _ := strings.Cut(what, ": ")
		if group != last {
			fmt.Fprintf(&b, "\n  %s:", group)
			last = group
		}
		fmt.Fprintf(&b, " %s %d,", kind, t.counts[what])
	}
	return strings.ReplaceAll(b.String()+"\n", ",\n", "\n")
}
