package rwlock_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"etcd-lock/rwlock"
)

// grant is one hold on one name as its client saw it. Times are nanoseconds on
// the one clock of the test.
type grant struct {
	client int
	hold   int // the same for all names of a Set
	name   string
	stages []stage // as acquired, then as upgraded and downgraded

	end   int64 // from here on the client does not claim to hold it
	over  int64 // when the end was confirmed, or 0 if it never was
	known int64 // when the client really stopped to believe in it, end or later
}

// stage is a hold's life in one mode.
type stage struct {
	mode   rwlock.Mode
	token  int64
	call   int64 // when the client asked for it
	ret    int64 // when it was told that it has it
	unsure bool  // the answer was lost, and it may never have come to be
}

// created is the create revision of the key that holds in stage i: of a reader's
// the first, for an upgrade keeps it, and a downgrade goes back to it with the
// token that the hold has by then.
func (g *grant) created(i int) int64 {
	if g.stages[i].mode == rwlock.Read {
		i = 0
	}
	return g.stages[i].token
}

// lastReturn is when the last of the stages was known to have begun.
func (g *grant) lastReturn() int64 {
	var last int64
	for _, s := range g.stages {
		last = max(last, s.ret)
	}
	return last
}

// belief is from when to when the client believed to be in stage i. It may have
// been wrong at its end, if it learned late of its loss: that is what tokens are for.
func (g *grant) belief(i int) (from, to int64) {
	s := g.stages[i]
	from, to = s.ret, g.known
	if i > 0 && s.mode == rwlock.Read {
		from = s.call // Downgrade holds for reading from the call on
	}
	if i+1 < len(g.stages) {
		next := g.stages[i+1]
		to = next.ret
		if next.mode == rwlock.Read {
			to = next.call
		}
	}
	return from, to
}

func conflict(a, b rwlock.Mode) bool { return a == rwlock.Write || b == rwlock.Write }

// String tells a grant's story in one line.
func (g *grant) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "client %d hold %d of %s:", g.client, g.hold, g.name)
	for _, s := range g.stages {
		fmt.Fprintf(&b, " %s token %d in [%s, %s]", s.mode, s.token, clock(s.call), clock(s.ret))
		if s.unsure {
			b.WriteString(" unsure")
		}
	}
	fmt.Fprintf(&b, " until %s, known %s, over %s", clock(g.end), clock(g.known), clock(g.over))
	return b.String()
}

// clock is a time as it stands in logs.
func clock(ns int64) string { return fmt.Sprintf("%.3fs", float64(ns)/1e9) }

// tally counts by kind, and collects what must not be.
type tally struct {
	mu         sync.Mutex
	counts     map[string]int
	violations []string
	log        []string
}

func newTally() *tally { return &tally{counts: map[string]int{}} }

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
