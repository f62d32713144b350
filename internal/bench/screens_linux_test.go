package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/cli"
	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/ptytest"
)

// programEnv makes the test binary another program: etcd-lock, or one to compare it with.
const programEnv = "ETCD_LOCK_BENCH_PROGRAM"

// program runs another program, and exits, if this process was started as one.
func program() {
	switch os.Getenv(programEnv) {
	case "etcd-lock":
		etcd.Quiet()
		os.Exit(cli.Main(cli.System{Args: os.Args[1:], In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv})) //nolint:forbidigo // this is the main of a program
	case "bare":
		if _, err := tea.NewProgram(&bareScreen{}).Run(); err != nil {
			os.Exit(1) //nolint:forbidigo // likewise
		}
		os.Exit(0) //nolint:forbidigo // likewise
	case "picture":
		keepPicture(os.Args[1], os.Args[2])
		os.Exit(0) //nolint:forbidigo // likewise
	}
}

// bareScreen is the minimal program: static rows and a cursor.
type bareScreen struct{ width, height, cursor int }

func (*bareScreen) Init() tea.Cmd { return nil }

func (s *bareScreen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		s.width, s.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		switch msg.String() {
		case "j":
			s.cursor++
		case "k":
			s.cursor--
		case "q":
			return s, tea.Quit
		}
	}
	return s, nil
}

func (s *bareScreen) View() tea.View {
	rows := make([]string, s.height)
	for i := range rows {
		rows[i] = fmt.Sprintf("%-*s", s.width, rowName(i))
		if i == s.cursor {
			rows[i] = lipgloss.NewStyle().Reverse(true).Render(rows[i])
		}
	}
	v := tea.NewView(strings.Join(rows, "\n"))
	v.AltScreen = true
	return v
}

func rowName(i int) string { return fmt.Sprintf("queue-%04d", i) }

// TestScreens measures the processor time of the terminal UI on many locks, and
// how soon it draws a key press, compared with a minimal program.
func TestScreens(t *testing.T) {
	size := crowdScale{locks: 20, queue: 3, leases: 5, rate: 200, writing: 300 * time.Millisecond}
	presses := 3
	if *compare {
		size = crowdScale{locks: 10_000, queue: 10, leases: 300, rate: 1000, writing: 40 * time.Second}
		presses = 300
	}
	member := etcdtest.StartProcess(t, func(cfg *etcd.EmbeddedConfig) { cfg.Durable = *compare })
	c := crowd{bench: bench{T: t, endpoint: member.Endpoint}, crowdScale: size, prefix: "/jobs/"}
	c.fill()
	programs := []*onTerminal{
		startOnTerminal(t, "bare"),
		startOnTerminal(t, "etcd-lock", "tui", c.prefix, "--endpoints", c.endpoint),
	}
	for _, p := range programs {
		p.WaitFor(rowName(0))
	}
	var writers []*clientv3.Client
	for range 4 {
		writers = append(writers, etcdtest.Client(t, c.endpoint))
	}
	cursors := walk{programs: programs}
	rows := [][]string{{fmt.Sprintf("%d locks, %d requests", c.locks, c.locks*c.queue), "processor", "key press to drawn, p50", "p99", "at most"}}
	for _, events := range []string{"no events", fmt.Sprintf("%d events/s", c.rate)} {
		done := make(chan struct{})
		busy := events != "no events"
		go func() {
			defer close(done)
			if busy {
				c.lockAndUnlock(writers)
			}
		}()
		took := cursors.press(presses)
		cores := coresOf(programs, c.writing/4) // without key presses
		for i, p := range programs {
			rows = append(rows, []string{
				p.name + ", " + events, fmt.Sprintf("%.3f cores", cores[i]),
				milliseconds(median(took[i])), milliseconds(percentile99(took[i])), milliseconds(slices.Max(took[i])),
			})
		}
		<-done
	}
	c.table("The terminal UI", rows)
	for _, p := range programs {
		p.leave()
	}
}

// percentile99 returns the smallest value that 99 of 100 values do not exceed.
func percentile99(values []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)*99+99)/100-1]
}

// walk moves the cursors of programs down and up again.
type walk struct {
	programs []*onTerminal
	at       int // row
	up       bool
}

// press returns, for each program, the time until its cursor was drawn in its new
// row.
func (w *walk) press(times int) [][]time.Duration {
	const rows = 20
	took := make([][]time.Duration, len(w.programs))
	for range times {
		key := "j"
		if w.up = w.at == rows || w.up && w.at > 0; w.up {
			key = "k"
			w.at -= 2
		}
		w.at++
		for i, p := range w.programs {
			took[i] = append(took[i], p.press(key, rowName(w.at)))
			time.Sleep(time.Duration(len(took[i])%37) * time.Millisecond) // so that key presses are not synchronized with frames
		}
	}
	return took
}

// onTerminal is a program in its own terminal.
type onTerminal struct {
	*testing.T
	*ptytest.Terminal
	name string
}

func startOnTerminal(t *testing.T, name string, args ...string) *onTerminal {
	t.Helper()
	config := t.TempDir()
	prefs := filepath.Join(config, "etcd-lock", "ui.yaml")
	err := os.Mkdir(filepath.Dir(prefs), 0o700)
	if err == nil { // static rows, so that the next one is known
		err = os.WriteFile(prefs, []byte("sort: {locks: name}\n"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), programEnv+"="+name, "TERM=xterm-256color", "LC_ALL=C.UTF-8", "XDG_CONFIG_HOME="+config, "GORACE=atexit_sleep_ms=0")
	return &onTerminal{t, ptytest.Start(t, cmd, 200, 60), name}
}

// press presses a key and returns the time until a text was drawn.
func (p *onTerminal) press(key, text string) time.Duration {
	p.Helper()
	for drained := false; !drained; {
		select {
		case <-p.Output:
		default:
			drained = true
		}
	}
	began := time.Now()
	p.Press(key)
	p.WaitFor(text)
	return time.Since(began)
}

func (p *onTerminal) leave() {
	p.Helper()
	p.Press("q")
	if err := p.Wait(); err != nil {
		p.Errorf("%s: %v", p.name, err)
	}
}

// coresOf returns how many cores each program uses.
func coresOf(programs []*onTerminal, during time.Duration) []float64 {
	before := make([]time.Duration, len(programs))
	for i, p := range programs {
		before[i] = p.processorTime()
	}
	began := time.Now()
	for end := time.After(during); ; {
		idle := false
		for _, p := range programs {
			select {
			case <-p.Output:
			case <-time.After(time.Millisecond):
			case <-end:
				idle = true
			}
		}
		if idle {
			break
		}
	}
	cores := make([]float64, len(programs))
	for i, p := range programs {
		cores[i] = (p.processorTime() - before[i]).Seconds() / time.Since(began).Seconds()
	}
	return cores
}

// processorTime returns the processor time that the program has used.
func (p *onTerminal) processorTime() time.Duration {
	p.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Cmd.Process.Pid))
	if err != nil {
		p.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name before it may contain anything
	fields := strings.Fields(rest)
	const user, system, tick = 11, 12, 10 * time.Millisecond
	var used time.Duration
	for _, i := range []int{user, system} {
		n, err := strconv.Atoi(fields[i])
		if err != nil {
			p.Fatal(err)
		}
		used += time.Duration(n) * tick
	}
	return used
}
