package app

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/keyspace"
)

var randomRuns = flag.Uint64("random-keys", 15, "how many runs of random keys TestRandomKeys makes")

// Keys without q, ctrl+c and ctrl+z, which leave. A dialog is never answered with yes.
const (
	randomLetters  = "abcdefghijklmnoprstuvwxyzABCDEFGHJKLMNOPRSTUVWXYZ0123456789/?:!@[]{}<>+-.,=~*'\"\\"
	randomControls = "abdefghklnoprtuvwxy"
)

var randomNames = []string{
	"enter", "enter", "enter", "esc", "esc", "tab", "space", "down", "up", "pgdown", "backspace", "end", "f1", "f2", "f3",
	"left", "right", "shift+tab",
}

// TestRandomKeys presses keys, resizes, pastes and clicks at random, with everything open:
// the UI draws no more than fits, and without a yes nobody else's request is released and
// no lock is requested that others use.
func TestRandomKeys(t *testing.T) {
	t.Chdir(t.TempDir()) // tables are exported to where the program runs
	for seed := range *randomRuns {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			d := newDriver(t, nil)
			r := &randomUser{driver: d, rng: rand.New(rand.NewPCG(seed, 15))}
			for i := range 12 {
				mode := []keyspace.Mode{keyspace.Read, keyspace.Write}[i%2]
				d.put(fmt.Sprint("/lock/", i/3), mode, time.Duration(i)*time.Minute)
			}
			d.diagnosed()
			others := r.keys()
			for step := range 400 {
				r.act(step)
			}
			if now := r.keys(); now != others {
				t.Errorf("the requests of others on their locks were %s, and are %s", others, now)
			}
		})
	}
}

// randomUser is a user who does anything.
type randomUser struct {
	*driver
	rng  *rand.Rand
	done []string
}

// keys are all requests on the locks of others.
func (r *randomUser) keys() string {
	var keys []string
	for i := range 4 {
		for _, request := range r.cluster.Queue(rw(fmt.Sprint("/lock/", i))) {
			keys = append(keys, request.Key)
		}
	}
	return strings.Join(keys, " ")
}

func (r *randomUser) act(step int) {
	defer func() {
		if p := recover(); p != nil {
			r.t.Fatalf("panic after %q: %v", r.done[max(0, len(r.done)-30):], p)
		}
	}()
	w, h := r.m.width, r.m.height
	switch kind := r.rng.IntN(40); {
	case kind == 0:
		w, h = 1+r.rng.IntN(220), 1+r.rng.IntN(70)
		r.note("%d×%d", w, h)
		r.send(tea.WindowSizeMsg{Width: w, Height: h})
	case kind == 1 && r.m.asked == nil:
		r.note("paste")
		r.send(tea.PasteMsg{Content: "\x1b[31m/lock/0\n\x00日本語" + strings.Repeat("x", r.rng.IntN(300))})
	case kind < 5 && r.m.asked == nil:
		x, y := r.rng.IntN(w+3), r.rng.IntN(h+3)
		r.note("click %d,%d", x, y)
		r.send(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
		r.send(tea.MouseWheelMsg{X: x, Y: y, Button: tea.MouseWheelDown})
	case kind == 5:
		r.note("a second")
		r.clock.add(time.Second)
		r.send(tickMsg{})
	default:
		key := r.key()
		r.note("%s", key)
		r.press(key)
	}
	if step%10 == 9 {
		r.idle()
	}
	if screen := r.plain(); w >= 20 && h >= 5 {
		lines := strings.Split(screen, "\n")
		if len(lines) > h {
			r.t.Fatalf("%d lines on %d×%d after %q:\n%s", len(lines), w, h, r.done[max(0, len(r.done)-30):], screen)
		}
	}
}

func (r *randomUser) note(format string, args ...any) {
	r.done = append(r.done, fmt.Sprintf(format, args...))
}

// key is a key that leaves nothing and says yes to nothing.
func (r *randomUser) key() string {
	if r.m.asked != nil {
		return []string{"esc", "n", "x", "?", "down", "pgdown"}[r.rng.IntN(6)]
	}
	switch r.rng.IntN(6) {
	case 0:
		return "ctrl+" + string(randomControls[r.rng.IntN(len(randomControls))])
	case 1, 2:
		return randomNames[r.rng.IntN(len(randomNames))]
	default:
		return string(randomLetters[r.rng.IntN(len(randomLetters))])
	}
}

// The snapshot that could break a screen is on it while keys are pressed.
func TestRandomKeysOnHostileNames(t *testing.T) {
	t.Chdir(t.TempDir())
	d := newDriver(t, nil)
	d.show(hostile(d.clock.Now()))
	r := &randomUser{driver: d, rng: rand.New(rand.NewPCG(1, 16))}
	for step := range 600 {
		r.act(step)
		if step%50 == 0 {
			d.show(hostile(d.clock.Now()))
		}
	}
}
