package cli

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/ptytest"
)

var (
	monkeyTime = flag.Duration("monkey", 2*time.Second, "how long TestMonkey presses keys")
	monkeySeed = flag.Uint64("monkey-seed", 0, "the seed of TestMonkey; random if 0")
)

// TestMonkey presses random keys in the program in a terminal, resizes it, pastes and clicks,
// with one cluster and with two of which one is read-only. It says yes to no question: so the
// program goes on, nothing ever happens to the locks that others use, and in the end it leaves
// nothing behind.
func TestMonkey(t *testing.T) {
	t.Parallel()
	seed := *monkeySeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("repeat with -monkey-seed %d", seed)
	for i, contexts := range []string{"dev", "dev,prod"} {
		t.Run(contexts, func(t *testing.T) {
			t.Parallel()
			dev, prod := newJungle(t, "/lock/0/", "/lock/1/", "/lock/2/"), newJungle(t, "") // where nothing may change
			dir := t.TempDir()
			file := filepath.Join(dir, "config.yaml")
			text := "contexts:\n  dev: {endpoints: ['" + dev.endpoint + "']}\n  prod: {endpoints: ['" + prod.endpoint + "'], read-only: true}\n"
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := terminalCmd("xterm-256color", dir, "tui", "--config", file, "--context", contexts)
			cmd.Dir = dir // tables and scenarios are written to where the program runs
			m := &monkey{Terminal: ptytest.Start(t, cmd, 120, 30), t: t, rng: rand.New(rand.NewPCG(seed, uint64(i))), w: 120, h: 30}
			m.WaitToShow("/lock/2")
			for end := time.Now().Add(*monkeyTime); time.Now().Before(end); {
				m.act()
				dev.unchanged(t, m.done)
				prod.unchanged(t, m.done)
			}
			m.leave()
			dev.unchanged(t, m.done)
			prod.unchanged(t, m.done)
			dev.left(t)
			t.Logf("%s: %d steps", contexts, m.steps)
		})
	}
}

// jungle is an etcd with locks that others use.
type jungle struct {
	endpoint string
	client   *clientv3.Client
	watches  []clientv3.WatchChan // of keys that nobody may touch
	keys     int64
}

func newJungle(t *testing.T, guarded ...string) *jungle {
	t.Helper()
	j := &jungle{endpoint: etcdtest.StartProcess(t).Endpoint}
	j.client = etcdtest.Client(t, j.endpoint)
	for lock := range 3 {
		for _, id := range []string{"a", "b", "c"} { // without a lease, they stay
			if _, err := j.client.Put(t.Context(), keyspace.Encode(fmt.Sprint("/lock/", lock), keyspace.Write, id), ""); err != nil {
				t.Fatal(err)
			}
			j.keys++
		}
	}
	for _, prefix := range guarded {
		j.watches = append(j.watches, j.client.Watch(t.Context(), prefix, clientv3.WithPrefix()))
	}
	return j
}

// unchanged checks that nothing has happened to what is guarded.
func (j *jungle) unchanged(t *testing.T, done []string) {
	t.Helper()
	for _, w := range j.watches {
		select {
		case resp := <-w:
			for _, e := range resp.Events {
				t.Fatalf("%s %q, after %q", e.Type, e.Kv.Key, done)
			}
		default:
		}
	}
}

// left checks that only the keys of others are left.
func (j *jungle) left(t *testing.T) {
	t.Helper()
	got, err := j.client.Get(t.Context(), "", clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil || got.Count != j.keys {
		t.Errorf("left in etcd: %v, %v", got, err)
	}
}

// monkey is a user who does anything but leave and say yes.
type monkey struct {
	*ptytest.Terminal
	t      *testing.T
	rng    *rand.Rand
	w, h   int
	steps  int
	done   []string // latest
	said   string   // latest
	chosen bool     // a key was pressed that chooses Yes where a question is open
}

// Keys without q and Q, which leave, and y, which says yes.
const (
	monkeyLetters  = "abcdefghijklmnoprstuvwxzABCDEFGHIJKLMNOPRSTUVWXYZ0123456789/?:!@[]{}<>+-.,=~*'\"\\ "
	monkeyControls = "\x01\x02\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x12\x14\x15\x16\x17\x18\x19"
)

// What a terminal sends for keys that have no letter; the first four choose Yes.
var monkeyKeys = []string{
	"\t", "\x1b[Z", "\x1b[C", "\x1b[D",
	"\x1b[A", "\x1b[B", "\x1b[5~", "\x1b[6~", "\x1b[H", "\x1b[F", "\x1bOP", "\x1bOQ", "\x1bOR", "\x7f", "\x1b[3~",
}

// escapeTime is longer than the program waits for what may belong to an escape.
const escapeTime = 150 * time.Millisecond

func (m *monkey) act() {
	m.t.Helper()
	m.steps++
	switch kind := m.rng.IntN(40); {
	case kind == 0:
		m.w, m.h = 1+m.rng.IntN(220), 1+m.rng.IntN(70)
		if err := pty.Setsize(m.Master, &pty.Winsize{Cols: uint16(m.w), Rows: uint16(m.h)}); err != nil {
			m.t.Fatal(err)
		}
	case kind == 1:
		m.press("\x1b[200~\x1b[31m/lock/0\n\x00日本語" + strings.Repeat("x", m.rng.IntN(300)) + "\x1b[201~")
	case kind < 5:
		button := []int{0, 0, 64, 65}[m.rng.IntN(4)]
		at := fmt.Sprintf("%d;%d;%d", button, 1+m.rng.IntN(m.w+3), 1+m.rng.IntN(m.h+3))
		m.press("\x1b[<" + at + "M\x1b[<" + at + "m")
	case kind < 8:
		m.press("\x1b")
		m.settle(escapeTime)
		m.chosen = false
	case kind < 13:
		if m.chosen { // n is No where a question is open
			m.press("n")
		}
		m.press("\r")
		m.chosen = false
	case kind < 18:
		i := m.rng.IntN(len(monkeyKeys))
		m.chosen = m.chosen || i < 4
		m.press(monkeyKeys[i])
	case kind < 24:
		m.press(monkeyControls[m.rng.IntN(len(monkeyControls)):][:1])
	default:
		m.press(monkeyLetters[m.rng.IntN(len(monkeyLetters)):][:1])
	}
	m.settle(5 * time.Millisecond)
}

func (m *monkey) press(keys string) {
	m.t.Helper()
	m.done = append(m.done, keys)
	m.done = m.done[max(0, len(m.done)-60):]
	m.Press(keys)
}

// leave leaves the program. A slow one may take the key and an escape before it for one key, so
// it is pressed until the program ends.
func (m *monkey) leave() {
	m.t.Helper()
	left := make(chan error, 1)
	go func() { left <- m.Wait() }()
	for {
		_, _ = m.Master.WriteString(quitKey) // fails once the program has ended
		select {
		case err := <-left:
			if err != nil {
				m.t.Errorf("%v, after %q: %q", err, m.done, m.said)
			}
			return
		case <-time.After(time.Second):
		}
	}
}

// settle reads what the program draws until it draws nothing for a while.
func (m *monkey) settle(quiet time.Duration) {
	m.t.Helper()
	for {
		select {
		case s, ok := <-m.Output:
			if !ok {
				m.t.Fatalf("ended after %q: %q", m.done, m.said)
			}
			m.said += s
			m.said = m.said[max(0, len(m.said)-4000):]
		case <-time.After(quiet):
			return
		}
	}
}
