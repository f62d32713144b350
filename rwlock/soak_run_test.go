package rwlock_test

import (
	"bytes"
	"cmp"
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

	"etcd-lock/internal/cluster"
	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/trace"
	"etcd-lock/simulate/verify"
)

var (
	soakFor     = flag.Duration("soak", 0, "how long TestSoak injects faults; a few seconds if not given")
	soakServer  = flag.String("server", "", "the path of an etcd that TestSoak runs, if not the one in this program")
	soakUpgrade = flag.String("upgrade", "", "the path of an etcd that TestSoak changes to, one member after the other")
	soakSeed    = flag.Uint64("seed", 0, "from what TestSoak draws its faults, in the first round; random with -soak if not given")
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
	long     bool // with all kinds of faults, and clients that are there for the number of operations
	user     string
	cluster  *etcdtest.Cluster
	middle   []*etcdtest.Middleman // between the clients and each member
	proxy    *etcdtest.GRPCProxy   // or nil
	admin    *clientv3.Client      // not cut off by faults
	recorder *verify.Recorder
	clients  []*client // those with faults of their own first
	keepers  []*keeper
	tally    *tally
	trace    *trace.Log
}

// TestSoak has clients take locks while leaders die, members hang, clients are
// cut off or killed, replies are lost, and etcd is compacted, and then asks three witnesses
// whether the locks were locks: what the clients saw, what etcd's history says,
// and whether in the end everybody gets everything and nothing is left behind.
// With -soak it does so in rounds, with more kinds of faults.
func TestSoak(t *testing.T) {
	if *soakFor != 0 {
		soakInRounds(t)
		return
	}
	s := &soak{seed: cmp.Or(*soakSeed, shortSeed), tally: newTally()}
	t.Run("Faults", func(t *testing.T) { s.round(t.Context(), t, shortSoak) })
}

// round is a whole soak. It injects no more faults when ctx ends.
func (s *soak) round(ctx context.Context, t *testing.T, duration time.Duration) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Run("Round", func(t *testing.T) {
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("to have the same faults again:\n"+
					"go test ./rwlock -race -count=1 -v -timeout 0 -run '^TestSoak$' -soak %s -seed %d", duration, s.seed)
			}
		})
		t.Logf("%s of faults from seed %d", duration, s.seed)
		s.start(t)
		s.run(ctx, t, duration)
	})
	if err := goleak.Find(append(etcdtest.StuckWatch(), before)...); err != nil {
		t.Error("left behind: ", err)
	}
}

// start starts the cluster and prepares the clients.
func (s *soak) start(t *testing.T) {
	t.Helper()
	s.trace = &trace.Log{}
	s.startCluster(t)
	endpoints := s.cluster.Endpoints()
	recorder, err := verify.Record(t.Context(), s.client(t), prefix, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(recorder.Close)
	s.recorder = recorder
	var middle []string
	for _, m := range s.cluster.Members {
		s.middle = append(s.middle, etcdtest.NewMiddleman(t, m.Endpoint))
		middle = append(middle, s.middle[len(s.middle)-1].Addr)
	}
	names := []string{prefix + "a", prefix + "b", prefix + "a/b"}
	for id := range 6 {
		s.clients = append(s.clients, newClient(t, s, id, middle, names))
	}
	if !s.long {
		return
	}
	if s.user == "" { // else the proxy renews no session
		s.proxy = etcdtest.NewGRPCProxy(t, endpoints)
		s.clients = append(s.clients, newClient(t, s, 7, []string{s.proxy.Addr}, names))
	}
	s.addQuick(t, endpoints)
}

// addQuick adds the clients that are there for the number of operations.
func (s *soak) addQuick(t *testing.T, endpoints []string) {
	t.Helper()
	var names []string
	for i := range 12 {
		names = append(names, fmt.Sprintf("%squick/%d", prefix, i))
	}
	for id := range 6 {
		c := newClient(t, s, 10+id, endpoints, names)
		c.next = c.drawQuick
		s.clients = append(s.clients, c)
	}
	rooms := &rooms{inside: map[string]*guest{}}
	for id := range 2 {
		s.keepers = append(s.keepers, &keeper{newClient(t, s, 20+id, endpoints, []string{prefix + "kept/0", prefix + "kept/1"}), rooms})
	}
}

// startCluster starts the cluster, whose users log in if they are to.
func (s *soak) startCluster(t *testing.T) {
	t.Helper()
	s.cluster = etcdtest.StartServers(t, 3, []string{*soakServer}, func(o *cluster.Options) {
		if s.logins() {
			o.Config.TokenTTL = time.Second
		}
	})
	if s.logins() {
		etcdtest.EnableAuth(t, etcdtest.Client(t, s.cluster.Endpoints()...), map[string][]etcdtest.Grant{"app": {etcdtest.ReadWrite(prefix)}})
		s.user = "app"
	}
	s.admin = s.client(t)
}

// logins reports whether users log in, as they do in every fourth long round.
func (s *soak) logins() bool { return s.long && s.seed%4 == 0 }

// client connects to the cluster, as root if users log in.
func (s *soak) client(t *testing.T) *clientv3.Client {
	t.Helper()
	if s.user == "" {
		return etcdtest.Client(t, s.cluster.Endpoints()...)
	}
	return etcdtest.Connect(t, etcd.Config{Endpoints: s.cluster.Endpoints(), User: "root", Password: etcdtest.Password, DialTimeout: 10 * time.Second})
}

func (s *soak) run(ctx context.Context, t *testing.T, duration time.Duration) {
	t.Helper()
	faulty, healed := context.WithTimeout(ctx, duration)
	busy, idle := context.WithTimeout(ctx, duration-lastFaults)
	limit, cancel := context.WithCancel(t.Context())
	var work, faults sync.WaitGroup
	defer func() { // also when a member cannot be started again, which ends the test
		healed()
		idle()
		cancel()
		faults.Wait()
		work.Wait()
	}()
	defer s.tally.measureStalls(t.Context())()
	for _, c := range s.clients {
		work.Go(func() { c.run(busy, limit) })
	}
	for _, k := range s.keepers {
		work.Go(func() { k.run(busy, limit) })
	}
	s.injectAll(faulty, &faults, duration)
	faults.Wait()
	enough := time.AfterFunc(toTheEnd, cancel)
	defer enough.Stop()
	work.Wait()
	for _, c := range s.all() {
		c.close(limit)
	}
	s.check(t, duration)
}

// all are all clients.
func (s *soak) all() []*client {
	all := slices.Clone(s.clients)
	for _, k := range s.keepers {
		all = append(all, k.client)
	}
	return all
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
	ofMembers := memberFaults
	if s.long {
		ofMembers = slices.Concat(memberFaults, longFaults)
	}
	if s.long && jump != nil {
		others.Go(func() { inject(ctx, s.tally, draw(8, clockFaults, members, ms(1500)), s.hitMembers) })
	}
	if s.proxy != nil {
		others.Go(func() { inject(ctx, s.tally, draw(6, proxyFaults, []int{0}, ms(6000)), s.hitProxy) })
	}
	if s.user != "" {
		others.Go(func() { inject(ctx, s.tally, draw(7, loginFaults, []int{0}, ms(2000)), s.hitLogins) })
	}
	inject(ctx, s.tally, rolling(draw(4, ofMembers, members, ms(2500)), members), s.hitMembers)
}

// check asks the witnesses.
func (s *soak) check(t *testing.T, duration time.Duration) {
	t.Helper()
	history := s.history(t)
	var holds []verify.Hold
	for _, c := range s.all() {
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
