package rwlock_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/trace"
	"etcd-lock/simulate/verify"
)

var (
	soakFor     = flag.Duration("soak", 0, "how long TestSoak injects faults; a few seconds if not given")
	soakServer  = flag.String("server", "", "the path of an etcd that TestSoak runs, if not the one in this program")
	soakUpgrade = flag.String("upgrade", "", "the path of an etcd that TestSoak changes to, one member after the other")
	soakSeed    = flag.Uint64("seed", 0, "from what TestSoak draws its faults; random with -soak if not given")
)

const (
	shortSoak = 8 * time.Second
	shortSeed = 2061 // one that has nearly every kind of fault in that time
	// lastFaults is how long faults go on after the clients have begun their
	// last round, so that it meets faults and sees them healed.
	lastFaults = time.Second
	// toTheEnd is how long the last round may take once all is healed.
	toTheEnd = 30 * time.Second
	prefix   = "/soak/"
)

// soak is a cluster, its clients, and what goes wrong with them.
type soak struct {
	seed     uint64
	cluster  *etcdtest.Cluster
	middle   []*etcdtest.Middleman // between the clients and each member
	admin    *clientv3.Client      // not cut off by faults
	recorder *verify.Recorder
	clients  []*client
	tally    *tally
	trace    *trace.Log
}

// TestSoak has clients take locks while leaders die, members hang, clients are
// cut off or killed, replies are lost, and etcd is compacted, and then asks three witnesses
// whether the locks were locks: what the clients saw, what etcd's history says,
// and whether in the end everybody gets everything and nothing is left behind.
func TestSoak(t *testing.T) {
	duration, seed := shortSoak, uint64(shortSeed)
	if *soakFor != 0 {
		duration, seed = *soakFor, rand.Uint64()
	}
	if *soakSeed != 0 {
		seed = *soakSeed
	}
	before := goleak.IgnoreCurrent()
	t.Run("Faults", func(t *testing.T) {
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("to have the same faults again:\n"+
					"go test ./rwlock -race -count=1 -v -timeout 0 -run '^TestSoak$' -soak %s -seed %d", duration, seed)
			}
		})
		t.Logf("%s of faults from seed %d", duration, seed)
		newSoak(t, seed).run(t, duration)
	})
	if err := goleak.Find(before); err != nil {
		t.Error("left behind: ", err)
	}
}

func newSoak(t *testing.T, seed uint64) *soak {
	t.Helper()
	s := &soak{seed: seed, cluster: etcdtest.StartServers(t, 3, []string{*soakServer}), tally: newTally(), trace: &trace.Log{}}
	endpoints := s.cluster.Endpoints()
	s.admin = etcdtest.Client(t, endpoints...)
	recorder, err := verify.Record(t.Context(), etcdtest.Client(t, endpoints...), prefix, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(recorder.Close)
	s.recorder = recorder
	for _, m := range s.cluster.Members {
		s.middle = append(s.middle, etcdtest.NewMiddleman(t, m.Endpoint))
	}
	for id := range 6 {
		names := []string{prefix + "a", prefix + "b", prefix + "a/b"}
		s.clients = append(s.clients, newClient(t, id, seed, s.middle, names, s.tally, s.trace))
	}
	return s
}

func (s *soak) run(t *testing.T, duration time.Duration) {
	t.Helper()
	faulty, healed := context.WithTimeout(t.Context(), duration)
	busy, idle := context.WithTimeout(t.Context(), duration-lastFaults)
	limit, cancel := context.WithTimeout(t.Context(), duration+toTheEnd)
	var work, faults sync.WaitGroup
	defer func() { // also when a member cannot be started again, which ends the test
		healed()
		idle()
		cancel()
		faults.Wait()
		work.Wait()
	}()
	for _, c := range s.clients {
		work.Go(func() { c.run(busy, limit) })
	}
	s.injectAll(faulty, &faults, duration)
	faults.Wait()
	work.Wait()
	for _, c := range s.clients {
		c.close(limit)
	}
	s.check(t, duration)
}

// injectAll injects all faults and returns when those of members are over.
// These run in the test's own goroutine, which alone may fail it.
func (s *soak) injectAll(ctx context.Context, others *sync.WaitGroup, duration time.Duration) {
	draw := func(source uint64, kinds []kind, targets []int, gap time.Duration) []fault {
		return schedule(rand.New(rand.NewPCG(s.seed, source)), kinds, targets, gap, duration)
	}
	members := []int{0, 1, 2}
	others.Go(func() { inject(ctx, s.tally, draw(1, clientFaults, []int{0, 1, 2}, ms(1500)), s.hitClients) })
	others.Go(func() { inject(ctx, s.tally, draw(2, clientFaults, []int{3, 4, 5}, ms(1500)), s.hitClients) })
	others.Go(func() { inject(ctx, s.tally, draw(3, upkeep, members, ms(500)), s.maintain) })
	others.Go(func() { inject(ctx, s.tally, draw(5, replyFaults, members, ms(2000)), s.hitReplies) })
	inject(ctx, s.tally, rolling(draw(4, memberFaults, members, ms(2500)), members), s.hitMembers)
}

// check asks the witnesses.
func (s *soak) check(t *testing.T, duration time.Duration) {
	t.Helper()
	history := s.history(t)
	var holds []verify.Hold
	for _, c := range s.clients {
		for _, g := range c.grants {
			holds = append(holds, *g)
		}
	}
	verdict := verify.Judge(verify.Seen{Holds: holds}, history, verify.Options{Limit: max(30*time.Second, duration), Exclusive: true})
	for _, v := range verdict.Violations {
		s.tally.violation("%s: %s", v.Kind, v.Text)
	}
	steps := s.trace.Steps()
	for _, fault := range trace.Check(steps) {
		s.tally.violation("no step of the protocol: %s", fault)
	}
	for _, f := range verdict.Fenced {
		s.tally.count("late holders: fenced by a token")
		s.tally.note("%s", f.Text)
	}
	t.Logf("seed %d: %d grants to clients, %d changes in etcd, %d steps of requests, %d violations%s",
		s.seed, len(holds), len(history.Changes), len(steps), len(s.tally.violations), s.tally)
	if len(s.tally.violations) == 0 {
		return
	}
	const most = 20
	for _, v := range s.tally.violations[:min(most, len(s.tally.violations))] {
		t.Error(v)
	}
	dir := keptDir()
	t.Errorf("%d violations; the whole story is in %s", len(s.tally.violations), dir)
	if err := s.tell(dir, holds, history, verdict); err != nil {
		t.Error(err)
	}
}

// history is what etcd did, once the leases of those who were killed have run
// out. If they do not, the judge says what is left.
func (s *soak) history(t *testing.T) verify.History {
	t.Helper()
	drained, cancel := context.WithTimeout(t.Context(), toTheEnd)
	defer cancel()
	_ = s.recorder.Drained(drained, nil)
	ctx, cancel := context.WithTimeout(t.Context(), toTheEnd)
	defer cancel()
	history, err := s.recorder.History(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return history
}

// keptDir is a directory for what is worth keeping of a failure.
func keptDir() string {
	dir, err := os.MkdirTemp("", "rwlock-soak-*")
	if err != nil {
		return os.TempDir()
	}
	return dir
}

// tell writes down what happened, what the clients saw, what etcd did, and
// porcupine's picture of the first violation.
func (s *soak) tell(dir string, holds []verify.Hold, history verify.History, verdict verify.Verdict) error {
	var saw, did strings.Builder
	for i := range holds {
		fmt.Fprintln(&saw, &holds[i])
	}
	for _, c := range history.Changes {
		fmt.Fprintln(&did, c)
	}
	var picture bytes.Buffer
	var err error
	if i := slices.IndexFunc(verdict.Violations, func(v verify.Violation) bool { return len(v.Holds) > 0 }); i >= 0 {
		err = verify.Picture(&picture, verdict.Violations[i].Holds)
	}
	keep := func(name string, content []byte) {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	keep("log.txt", []byte(strings.Join(s.tally.log, "\n")))
	keep("clients.txt", []byte(saw.String()))
	keep("etcd.txt", []byte(did.String()))
	keep("history.html", picture.Bytes())
	return err
}

// A schedule comes from its seed alone, or a failure could not be replayed.
func TestFaultsFollowFromTheSeed(t *testing.T) {
	draw := func(seed uint64) string {
		faults := schedule(rand.New(rand.NewPCG(seed, 0)), memberFaults, []int{0, 1, 2}, time.Second, time.Minute)
		return fmt.Sprint(faults)
	}
	one, again, other := draw(1), draw(1), draw(2)
	if one != again {
		t.Error("one seed, two schedules")
	}
	if one == other {
		t.Error("two seeds, one schedule")
	}
}
