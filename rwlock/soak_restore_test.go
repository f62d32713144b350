package rwlock_test

import (
	"context"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"etcd-lock/internal/trace"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/verify"
)

var soakUtl = flag.String("etcdutl", "", "the path of an etcdutl, with which TestSoakRestored restores snapshots")

// noticed is how long a holder may believe in a hold whose key the restored store does not
// have, once that serves: watches are trusted for so long.
const noticed = 20 * time.Second

// restored is a soak whose cluster is restored from a snapshot beneath its clients. The store
// before the restore and the one after have histories of their own.
type restored struct {
	*soak
	bump     bool
	snapshot string
	cut      time.Duration // when the clients were cut off, before the restore
	up       time.Duration // when the restored store served
	before   verify.History
}

// TestSoakRestored restores a snapshot while clients hold locks and wait for them: as it is, and
// with its revision raised, so that no token is granted again. Each of the two stores has to be
// right by itself, nobody may be stuck, nothing may be left, and who holds a lock that the
// restored store knows nothing of has to learn that. Without the raised revision, tokens go
// back: then nothing fences such a holder until it has learned it. That is said, and counted.
func TestSoakRestored(t *testing.T) {
	if *soakUtl == "" {
		t.Skip("run with -etcdutl")
	}
	help, err := exec.Command(*soakUtl, "snapshot", "restore", "--help").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	for name, bump := range map[string]bool{"AsItIs": false, "RevisionRaised": true} {
		t.Run(name, func(t *testing.T) {
			if bump && !strings.Contains(string(help), "bump-revision") {
				t.Skip("this release cannot raise the revision")
			}
			seed := *soakSeed
			if seed == 0 {
				seed = rand.Uint64N(1 << 40)
			}
			r := &restored{soak: &soak{seed: seed, tally: newTally()}, bump: bump}
			t.Logf("seed %d", seed)
			r.start(t)
			for _, c := range r.clients {
				c.next = c.drawPlain
			}
			r.run(t)
		})
	}
}

// drawPlain decides what to do next, and leaves out what has several stages.
func (c *client) drawPlain() job {
	j := c.draw()
	switch j.kind {
	case "TryUpgrade":
		j.kind = "RLock"
	case "Downgrade":
		j.kind = "RWLock"
	}
	j.moves = nil
	return j
}

func (r *restored) run(t *testing.T) {
	t.Helper()
	busy, idle := context.WithCancel(t.Context())
	limit, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	defer func() {
		idle()
		cancel()
		work.Wait()
	}()
	defer r.tally.measureStalls(t.Context())()
	for _, c := range r.clients {
		work.Go(func() { c.run(busy, limit) })
	}
	wait(t.Context(), 2*time.Second)
	r.save(t)
	wait(t.Context(), time.Second)
	enough := make(chan struct{})
	for _, c := range r.clients[:4] {
		c.clinging.Store(&enough)
	}
	wait(t.Context(), time.Second)
	r.restore(t)
	wait(t.Context(), 5*time.Second)
	for _, c := range r.clients {
		c.clinging.Store(nil)
	}
	close(enough)
	wait(t.Context(), 2*time.Second)
	idle()
	tooLong := time.AfterFunc(toTheEnd, cancel)
	defer tooLong.Stop()
	work.Wait()
	for _, c := range r.clients {
		c.close(limit)
	}
	r.judge(t)
}

// save saves a snapshot.
func (r *restored) save(t *testing.T) {
	t.Helper()
	r.snapshot = filepath.Join(t.TempDir(), "snapshot")
	content, err := r.admin.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = content.Close() }()
	f, err := os.Create(r.snapshot)
	if err == nil {
		_, err = io.Copy(f, content)
		_ = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// restore restores the snapshot while all clients are cut off, and records what happens from
// then on apart.
func (r *restored) restore(t *testing.T) {
	t.Helper()
	for _, c := range r.clients {
		c.cut()
	}
	r.cut = now()
	r.before = r.history(t)
	r.recorder.Close()
	var flags []string
	if r.bump {
		flags = []string{"--bump-revision", "1000000", "--mark-compacted"}
	}
	if err := r.cluster.Restore(t.Context(), *soakUtl, r.snapshot, flags...); err != nil {
		t.Fatal(err)
	}
	r.tally.count("faults: restore")
	recorder, err := verify.Record(t.Context(), r.client(t), prefix, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(recorder.Close)
	r.recorder, r.up = recorder, now()
	for _, c := range r.clients {
		c.heal()
	}
}

// judge asks the witnesses of either store.
func (r *restored) judge(t *testing.T) {
	t.Helper()
	after := r.history(t)
	var early, late, kept, lost []verify.Hold
	for _, c := range r.clients {
		for _, g := range c.grants {
			switch h := *g; {
			case h.Stages[0].Granted > r.cut:
				late = append(late, h)
			case h.End > r.cut && r.has(after, h):
				early, kept = append(early, h), append(kept, h)
			case max(h.End, h.Known) > r.up:
				early, lost = append(early, h), append(lost, h)
			default:
				early = append(early, h)
			}
		}
	}
	for _, v := range verify.Judge(verify.Seen{Holds: early}, r.before, verify.Options{Exclusive: true}).Violations {
		if v.Kind != verify.LeftBehind { // what was there when the store ended
			r.tally.violation("before the restore: %s: %s", v.Kind, v.Text)
		}
	}
	for _, v := range verify.Judge(verify.Seen{Holds: late}, after, verify.Options{Exclusive: true}).Violations {
		r.tally.violation("after the restore: %s: %s", v.Kind, v.Text)
	}
	r.judgeKept(late, kept)
	r.judgeLost(late, lost)
	r.judgeTokens(early, late)
	t.Logf("seed %d: %d grants before the restore, %d after it, %d violations%s", r.seed, len(early), len(late), len(r.tally.violations), r.tally)
	for _, v := range r.tally.violations {
		t.Error(v)
	}
	if t.Failed() {
		dir := keptDir()
		t.Logf("the story is in %s: %v", dir, r.tell(dir, slices.Concat(early, late), after, verify.Verdict{}))
	}
}

// has reports whether the snapshot had the key of a hold.
func (r *restored) has(after verify.History, h verify.Hold) bool {
	return slices.ContainsFunc(after.Before, func(c verify.Change) bool { return c.Create == h.Stages[0].Token })
}

// judgeKept judges those who went on with a hold whose key was in the snapshot. By the history
// of the restored store some of them hold nothing: others were ahead when the snapshot was
// taken, and those keys are there again. Nobody may be granted such a lock beside them.
func (r *restored) judgeKept(late, kept []verify.Hold) {
	for _, k := range kept {
		r.tally.count("kept through the restore: holds")
		for _, h := range late {
			if excludes(k, h) && h.Stages[0].Granted < k.End {
				r.tally.violation("overlap: %v beside %v", &h, &k)
			}
		}
	}
}

// excludes reports whether two holds of one stage exclude each other.
func excludes(a, b verify.Hold) bool {
	return a.Lock == b.Lock && (a.Stages[0].Mode == rwlock.Write || b.Stages[0].Mode == rwlock.Write)
}

// judgeLost judges those who went on with a hold that the restored store knows nothing of.
func (r *restored) judgeLost(late, lost []verify.Hold) {
	for _, l := range lost {
		r.tally.count("lost by the restore: holds")
		if l.Known > r.up+noticed {
			r.tally.violation("%s believed for %s in a hold that the restored store does not have", l.Client, l.Known-r.up)
		}
		for _, h := range late {
			a, b := l.Stages[0], h.Stages[0]
			if !excludes(l, h) || b.Granted > max(l.Known, l.End) {
				continue
			}
			switch {
			case b.Token > a.Token:
				r.tally.count("lost by the restore: overlaps that tokens fence")
			case r.bump:
				r.tally.violation("unfenced: %v beside %v", &l, &h)
			default:
				r.tally.count("lost by the restore: overlaps that no token fences")
			}
		}
	}
}

// judgeTokens says whether tokens went back. Where the revision was raised, they must not have.
func (r *restored) judgeTokens(early, late []verify.Hold) {
	largest := map[string]int64{}
	for _, h := range early {
		largest[h.Lock] = max(largest[h.Lock], h.Stages[0].Token)
	}
	for _, h := range late {
		switch token := h.Stages[0].Token; {
		case token > largest[h.Lock]:
		case r.bump:
			r.tally.violation("token %d of %s was granted after token %d", token, h.Lock, largest[h.Lock])
		default:
			r.tally.count("lost by the restore: tokens that went back")
		}
	}
	if !r.bump {
		return
	}
	for _, fault := range trace.Check(r.trace.Steps()) {
		r.tally.violation("no step of the protocol: %s", fault)
	}
}
