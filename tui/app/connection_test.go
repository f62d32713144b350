package app

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
)

var errRefused = errors.New("inspect: list: permission denied")

// bob's rights: he may not read what he wants to see.
type bob struct {
	mu    sync.Mutex
	helps string
}

func (*bob) Refused(err error) bool { return errors.Is(err, errRefused) }

func (b *bob) Explain(_ context.Context, prefixes keyspace.Prefixes, _ error) backend.Refusal {
	b.mu.Lock()
	defer b.mu.Unlock()
	return backend.Refusal{Why: "user bob may not read " + prefixes[0], Helps: b.helps}
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
	d := newDriver(t, func(o *backend.Options) { o.Rights = rights })
	shows := func(text string) {
		t.Helper()
		d.until(text, func() bool { return strings.Contains(d.plain(), text) })
	}
	d.cluster.SetDown(errRefused)
	shows("etcd refuses: user bob may not read /; may read /app/: etcd-lock tui /app/")
	d.mustShow("✗ refused")
	d.mustNotShow("not answering")
	d.press("7")
	d.mustShow("! etcd     refuses: user bob may not read /")

	rights.may("may read nothing")
	d.clock.add(state.ExplainEvery)
	d.send(tickMsg{})
	shows("etcd refuses: user bob may not read /; may read nothing")

	d.cluster.SetDown(errors.New("connection refused"))
	d.until("lost", func() bool { return !d.m.Conn.Refused })
	d.mustShow("✗ not answering for 0s")
	d.cluster.SetDown(errRefused)
	shows("✗ refused")

	d.clock.add(flashTime)
	d.cluster.SetDown(nil)
	d.until("connected", d.m.Connected)
	d.mustShow("etcd allows access again")
	d.press("1")
	d.put("/a", keyspace.Read, 0)
	d.mustShow("/a")
}

// An etcd without a leader is said to have none: its members answer.
func TestNoLeader(t *testing.T) {
	d := newDriver(t, nil)
	d.put("/a", keyspace.Read, 0)
	d.cluster.SetDown(rpctypes.ErrNoLeader)
	d.until("lost", func() bool { return d.m.Conn.Lost })
	d.clock.add(5 * time.Second)
	d.send(tickMsg{})
	d.mustShow("✗ no leader for 5s")
	d.mustShow("etcd has no leader; showing the last snapshot")
	d.clock.add(flashTime)
	d.send(tickMsg{})
	d.mustShow("etcd has no leader: it cannot read or write until it has one")
	d.mustNotShow("not answering")
	d.send(resize(120, 30))
	d.mustShow("✗ no leader for ")
	d.mustShow("leader ?")
	d.cluster.SetDown(nil)
	d.until("healed", func() bool { return d.m.Connected() })
	d.mustShow("etcd has a leader again after ")
}

// What was never allowed is said where the locks would be, whole.
func TestRefusedFromTheBeginning(t *testing.T) {
	rights := &bob{helps: strings.Repeat("may read some ", 10) + "of it: etcd-lock tui /app/"}
	d := newDriver(t, func(o *backend.Options) { o.Rights, o.Health = rights, nil })
	d.m.Live = state.Snapshot{}
	d.cluster.GoTo(0) // nothing was ever read
	d.do(nav.Refresh{All: true})
	d.cluster.SetDown(errRefused)
	d.until("why", func() bool { return d.m.Conn.Why != "" })
	d.mustShow("\n  ✗ etcd refuses: user bob may not read /; may read some")
	d.mustShow("of it: etcd-lock tui /app/")
}
