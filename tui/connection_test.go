package tui

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"etcd-lock/internal/keyspace"
)

var errRefused = errors.New("inspect: list: permission denied")

// bob's rights: he may not read what he wants to see.
type bob struct {
	mu    sync.Mutex
	helps string
}

func (*bob) Refused(err error) bool { return errors.Is(err, errRefused) }

func (b *bob) Explain(_ context.Context, prefix string, _ error) Refusal {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Refusal{"user bob may not read " + prefix, b.helps}
}

func (b *bob) may(helps string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.helps = helps
}

// An etcd that refuses is one that answers: the screen says what helps, follows
// what changes, and goes on by itself.
func TestRefused(t *testing.T) {
	rights := &bob{helps: "may read /app/: etcd-lock tui /app/"}
	d := newDriver(t, func(o *Options) { o.Rights = rights })
	shows := func(text string) {
		t.Helper()
		d.until(text, func() bool { return strings.Contains(d.plain(), text) })
	}
	d.cluster.setDown(errRefused)
	shows("etcd refuses: user bob may not read /; may read /app/: etcd-lock tui /app/")
	d.mustShow("✗ refused")
	d.mustNotShow("not answering")
	d.press("7")
	d.mustShow("! etcd     refuses: user bob may not read /")

	rights.may("may read nothing")
	d.clock.add(explainEvery)
	d.send(tickMsg{})
	shows("etcd refuses: user bob may not read /; may read nothing")

	d.cluster.setDown(errors.New("connection refused"))
	d.until("lost", func() bool { return !d.m.conn.refused })
	d.mustShow("✗ not answering 0s")
	d.cluster.setDown(errRefused)
	shows("✗ refused")

	d.clock.add(flashTime)
	d.cluster.setDown(nil)
	d.until("connected", d.m.connected)
	d.mustShow("etcd refuses no more")
	d.press("1")
	d.put("/a", keyspace.Read, 0)
	d.mustShow("/a")
}

// What was never allowed is said where the locks would be, whole.
func TestRefusedFromTheBeginning(t *testing.T) {
	rights := &bob{helps: strings.Repeat("may read some ", 10) + "of it: etcd-lock tui /app/"}
	d := newDriver(t, func(o *Options) { o.Rights, o.Health = rights, nil })
	d.m.live = snapshot{}
	d.cluster.goTo(0) // nothing was ever read
	d.do(Refresh{All: true})
	d.cluster.setDown(errRefused)
	d.until("why", func() bool { return d.m.conn.why != "" })
	d.mustShow("\n  ✗ etcd refuses: user bob may not read /; may read some")
	d.mustShow("of it: etcd-lock tui /app/")
}
