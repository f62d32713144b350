package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// olderBuild is the last commit whose waiters read the queue at each hand-off.
const olderBuild = "0b691dc130a39f21d26fc01e5bca8baf5fb1b80f"

// contenderProgram is a build of the program contend, and the implementation of locks that it
// runs.
type contenderProgram struct{ name, path, who string }

// counted is what contend prints.
type counted struct {
	HandOffs, Requests, Events int64
	Time                       time.Time
}

// contended is what a hand-off costs.
type contended struct{ rate, requests, events, processor float64 }

// contenderPrograms builds contend with this build of rwlock, and with an older one if the
// repository has it.
func (b bench) contenderPrograms() []contenderProgram {
	b.Helper()
	dir := b.TempDir()
	path := filepath.Join(dir, "contend")
	b.build(path, ".")
	programs := []contenderProgram{
		{"rwlock", path, "rwlock"}, {"concurrency.Mutex", path, "mutex"}, {"recipe RWMutex", path, "recipe"},
		{"floor", path, "floor"},
	}
	if !*compare {
		return programs
	}
	if err := exportCommit(b.T, *older, filepath.Join(dir, "older")); err != nil {
		b.Logf("without an older build: %v", err)
		return programs
	}
	path = filepath.Join(dir, "contend-older")
	b.build(path, filepath.Join(dir, "older"))
	return append(programs, contenderProgram{"older rwlock", path, "rwlock"})
}

// build builds contend in a tree of the module.
func (b bench) build(path, tree string) {
	b.Helper()
	pkg := "./contend"
	if tree != "." {
		pkg = "./internal/bench/contend"
	}
	cmd := exec.CommandContext(b.Context(), "go", "build", "-o", path, pkg)
	cmd.Dir = tree
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
}

// exportCommit writes the tree of a commit to dir, with the program contend of this one.
func exportCommit(t *testing.T, commit, dir string) error {
	t.Helper()
	archive := exec.CommandContext(t.Context(), "git", "-C", "../..", "archive", "--format=tar", commit)
	tar, err := archive.Output()
	if err != nil {
		return fmt.Errorf("git archive %s: %w", commit, err)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	unpack := exec.CommandContext(t.Context(), "tar", "-x", "-C", dir)
	unpack.Stdin = bytes.NewReader(tar)
	if err := unpack.Run(); err != nil {
		return err
	}
	to := filepath.Join(dir, "internal", "bench", "contend")
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return os.CopyFS(to, os.DirFS("contend"))
}

// run runs a contender with waiters for one lock, and returns what a hand-off costs.
func (b bench) run(p contenderProgram, waiters int) contended {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), p.path, "-endpoint", b.endpoint, "-who", p.who, "-name", "/contended/"+filepath.Base(p.path)+p.who,
		"-waiters", strconv.Itoa(waiters), "-warm-up", b.warmUp.String(), "-measure", b.measure.String())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	b.must(err)
	b.must(cmd.Start())
	lines := json.NewDecoder(out)
	var first, last counted
	b.must(lines.Decode(&first))
	before := b.processor()
	b.must(lines.Decode(&last))
	used := b.processor() - before
	b.must(cmd.Wait())
	n := max(1, float64(last.HandOffs-first.HandOffs))
	return contended{
		rate:      n / last.Time.Sub(first.Time).Seconds(),
		requests:  float64(last.Requests-first.Requests) / n,
		events:    float64(last.Events-first.Events) / n,
		processor: used / n,
	}
}

var processorSeconds = regexp.MustCompile(`(?m)^process_cpu_seconds_total (\S+)$`)

// processor returns the processor time that etcd has used, in seconds.
func (b bench) processor() float64 {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://"+b.endpoint+"/metrics", nil)
	b.must(err)
	resp, err := http.DefaultClient.Do(req)
	b.must(err)
	defer func() { _ = resp.Body.Close() }()
	metrics, err := io.ReadAll(resp.Body)
	b.must(err)
	m := processorSeconds.FindSubmatch(metrics)
	if m == nil { // not known on all systems
		return 0
	}
	seconds, err := strconv.ParseFloat(string(m[1]), 64)
	b.must(err)
	return seconds
}

// throughput measures hand-offs per second on one name, and what each costs in requests to
// etcd, events from it and processor time of it.
func (b bench) throughput() {
	programs := b.contenderPrograms()
	header := []string{"waiters"}
	for _, p := range programs {
		header = append(header, p.name)
	}
	rows := [][]string{append(header, "÷ faster of the others", "÷ floor", "÷ older", "requests", "events", "etcd's processor")}
	for _, n := range b.queues {
		runs := make([][]contended, len(programs))
		for range b.rounds {
			for i, p := range programs {
				if n <= maxPeers || i == 0 {
					runs[i] = append(runs[i], b.run(p, n))
				}
			}
		}
		rows = append(rows, throughputRow(n, runs))
	}
	b.table("Hand-offs per second on one name, and what each costs", rows)
}

// maxPeers is how many waiters the others get: beyond it, they take minutes.
const maxPeers = 500

// throughputRow returns the row for runs of each contender, of which the first is rwlock, the
// fourth what any lock needs of etcd, and the fifth, if there is one, an older build.
func throughputRow(n int, runs [][]contended) []string {
	row := []string{strconv.Itoa(n)}
	of := func(i int, f func(contended) float64) float64 {
		if i >= len(runs) || len(runs[i]) == 0 {
			return 0
		}
		var values []float64
		for _, r := range runs[i] {
			values = append(values, f(r))
		}
		return median(values)
	}
	rate := func(c contended) float64 { return c.rate }
	var requests, events, processor []string
	for i := range runs {
		if len(runs[i]) == 0 {
			row = append(row, "")
			continue
		}
		row = append(row, perSecond(of(i, rate)))
		requests = append(requests, fmt.Sprintf("%.1f", of(i, func(c contended) float64 { return c.requests })))
		events = append(events, fmt.Sprintf("%.1f", of(i, func(c contended) float64 { return c.events })))
		processor = append(processor, fmt.Sprintf("%.2f ms", 1000*of(i, func(c contended) float64 { return c.processor })))
	}
	return append(row, ratioOr(of(0, rate), max(of(1, rate), of(2, rate))), ratioOr(of(0, rate), of(3, rate)), ratioOr(of(0, rate), of(4, rate)),
		fmt.Sprint(requests), fmt.Sprint(events), fmt.Sprint(processor))
}

func ratioOr(a, b float64) string {
	if b == 0 {
		return ""
	}
	return ratio(a, b)
}
