package stories

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
)

// TestAfterTheFact plays an incident beside a recorder: two programs that deadlock, a
// holder that dies and a slow one. etcd is compacted, and all is stopped. The recording
// answers what was asked while it lasted, in the same words.
func TestAfterTheFact(t *testing.T) {
	t.Parallel()
	etcd := etcdtest.StartProcess(t)
	i := &incident{user: newUser(t, "--endpoints", etcd.Endpoint), dir: t.TempDir()}
	recorder := i.start("record", i.dir)
	recorder.until("recording in")
	watch := i.start("watch")
	watch.until("snapshot")

	programs := i.play()
	client := etcdtest.Client(t, etcd.Endpoint)
	at, live := time.Now(), i.why("--wait-over", "1ms")
	stuck, err := client.Get(t.Context(), "/") // for its revision
	if err != nil {
		t.Fatal(err)
	}
	rev := fmt.Sprint(stuck.Header.Revision)
	revision := i.why("--rev", rev)
	i.recorded("raised", "deadlock on")

	for _, p := range programs {
		p.stop(syscall.SIGTERM)
	}
	etcdtest.Eventually(t, "all locks are free", func() bool { return i.output("ls") == "" })
	end, err := client.Put(t.Context(), "/else", "")
	if err == nil {
		_, err = client.Compact(t.Context(), end.Header.Revision, clientv3.WithCompactPhysical())
	}
	if err != nil {
		t.Fatal(err)
	}
	watch.until("expired", "/backup", "released", "/jobs/nightly")
	i.recorded("expired", "/backup", "released", "/jobs/nightly")
	i.recorded("cleared", "deadlock on")
	if out, err := i.command("why", "--rev", rev).CombinedOutput(); err == nil {
		t.Errorf("etcd has compacted revision %s and still explains it: %s", rev, out)
	}
	watch.stop(syscall.SIGTERM)
	recorder.stop(syscall.SIGTERM)
	etcd.Kill()

	i.sameWords(live, i.why("--recording", i.dir, "--at", at.Format(time.RFC3339Nano), "--wait-over", "1ms"))
	if past := i.why("--recording", i.dir, "--rev", rev); !slices.Equal(past["deadlock"], revision["deadlock"]) {
		t.Errorf("etcd said %q of revision %s, the recording says %q", revision["deadlock"], rev, past["deadlock"])
	}
	i.sameEvents(watch.said.String())
	i.answers(at.Format(time.RFC3339Nano))
}

// incident is what a user does beside a recorder.
type incident struct {
	*user
	dir string // of the recording
}

// play starts programs and returns those that still run when all are stuck.
func (i *incident) play() []*running {
	i.Helper()
	nested := func(label, lock string) string {
		return fmt.Sprintf("echo started; read go; %s %s exec --label %s %s -- true", i.path, strings.Join(i.flags, " "), label, lock)
	}
	billing := i.start("exec", "--label", "billing", "/orders", "--", "sh", "-c", nested("billing-stock", "/stock"))
	shipping := i.start("exec", "--label", "shipping", "/stock", "--", "sh", "-c", nested("shipping-orders", "/orders"))
	backup := i.start("exec", "--ttl", "10s", "--label", "backup", "/backup", "--", "sh", "-c", "echo started; exec cat")
	nightly := i.start("exec", "--label", "nightly", "/jobs/nightly", "--", "sh", "-c", "echo started; exec cat")
	for _, p := range []*running{billing, shipping, backup, nightly} {
		p.until("started")
	}
	restore := i.start("exec", "--label", "restore", "/backup", "--", "true")
	restore.until("waiting for /backup")
	report := i.start("exec", "--label", "report", "/jobs/nightly", "--", "cat")
	report.until("waiting for /jobs/nightly")
	for _, p := range []*running{billing, shipping} {
		_ = p.in.Close() // read ends
	}
	billing.until("waiting for /stock")
	shipping.until("waiting for /orders")
	backup.stop(syscall.SIGKILL)
	restore.exits(0)
	return []*running{billing, shipping, report, nightly}
}

func (i *incident) output(args ...string) string {
	i.Helper()
	out, err := i.command(args...).Output()
	if err != nil {
		i.Errorf("%q: %v: %s", args, err, out)
	}
	return string(out)
}

// why returns what is said of each kind of finding.
func (i *incident) why(flags ...string) map[string][]string {
	i.Helper()
	var answer struct {
		Findings []struct {
			Kind, Text string
			Clauses    []string
		}
	}
	if err := json.Unmarshal([]byte(i.output(append([]string{"why", "-o", "json"}, flags...)...)), &answer); err != nil {
		i.Fatal(err)
	}
	said := map[string][]string{}
	for _, f := range answer.Findings {
		said[f.Kind] = append(append(said[f.Kind], f.Text), f.Clauses...)
	}
	return said
}

// recorded waits until watch says these texts of the recording, in this order.
func (i *incident) recorded(texts ...string) {
	i.Helper()
	etcdtest.Eventually(i, "recorded: "+strings.Join(texts, " "), func() bool {
		rest := i.output("watch", "--recording", i.dir, "--rev", "1")
		return !slices.ContainsFunc(texts, func(text string) bool {
			_, after, found := strings.Cut(rest, text)
			rest = after
			return !found
		})
	})
}

var (
	past = strings.NewReplacer(" wait for", " waited for", " waits for", " waited for", " holds ", " held ", " is in the way", " was in the way", " runs ", " ran ", "reports", "reported",
		"gives up", "gave up", "releases", "released", "has waited", "had waited")
	age = regexp.MustCompile(`had waited \S+`) // the recorder saw a request a moment later, or earlier, than its owner says
)

// sameWords checks what is said of the deadlock and of the waits: the same as live, in the
// past tense.
func (i *incident) sameWords(live, recorded map[string][]string) {
	i.Helper()
	words := func(said map[string][]string, kind string) (w []string) {
		for _, s := range said[kind] {
			w = append(w, age.ReplaceAllString(past.Replace(s), "had waited"))
		}
		slices.Sort(w) // several of one kind are in the order of their ages
		return w
	}
	for _, kind := range []string{"deadlock", "long-wait"} {
		want, got := words(live, kind), words(recorded, kind)
		if len(want) == 0 || !slices.Equal(got, want) {
			i.Errorf("%s: live %q, the recording %q", kind, live[kind], recorded[kind])
		}
	}
}

// sameEvents checks that the recording has each event that watch printed.
func (i *incident) sameEvents(watched string) {
	i.Helper()
	of := func(out string) (events []string) {
		for line := range strings.Lines(out) {
			f := strings.Fields(line)
			if len(f) > 4 && strings.Contains(f[len(f)-1], "/write/") {
				events = append(events, f[1]+" "+f[2]+" "+f[len(f)-1]) // revision, event, key
			}
		}
		slices.Sort(events)
		return events
	}
	want, got := of(watched), of(i.output("watch", "--recording", i.dir, "--rev", "1"))
	if len(want) == 0 || !slices.Equal(got, want) {
		i.Errorf("watch said\n%s\nand of the recording\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
	}
}

// classCost is what waiting for a class of locks has cost.
type classCost struct {
	Name   string
	Waited float64 `json:"waited_seconds"`
}

// answers checks what the other commands say of the recording.
func (i *incident) answers(at string) {
	i.Helper()
	past := []string{"--recording", i.dir, "--at", at}
	i.says(append([]string{"ls"}, past...), "/jobs/nightly", "contended", "/orders", "contended", "/stock", "contended")
	i.says(append([]string{"show", "/jobs/nightly"}, past...), "holding", "nightly", "waiting", "report")
	i.says(append([]string{"why", "/jobs/nightly"}, past...), "why the last waiter waited", "report", "waited for /jobs/nightly, held by nightly")
	i.says([]string{"why", "--potential", "--recording", i.dir}, "potential deadlock on /orders and /stock")

	var cost struct {
		Classes []classCost
		Chains  []struct {
			Owners []string
			End    string
		}
	}
	if err := json.Unmarshal([]byte(i.output("profile", "--recording", i.dir, "-o", "json")), &cost); err != nil {
		i.Fatal(err)
	}
	for _, name := range []string{"/orders", "/stock", "/backup", "/jobs/nightly"} {
		if !slices.ContainsFunc(cost.Classes, func(c classCost) bool { return c.Name == name && c.Waited > 0 }) {
			i.Errorf("waiting for %s cost nothing: %+v", name, cost.Classes)
		}
	}
	var chains []string
	for _, c := range cost.Chains {
		chains = append(chains, strings.Join(c.Owners, " ")+" "+c.End)
	}
	for _, want := range []string{"restore backup idle", "report nightly idle", "billing-stock shipping shipping-orders billing billing-stock deadlock"} {
		if !slices.Contains(chains, want) {
			i.Errorf("no chain %q in %q", want, chains)
		}
	}
}
