package cluster

import (
	"context"
	"fmt"
	"os"
	"sync"
)

// Member is a member of a cluster. It keeps its number, address and data when it
// is restarted.
type Member struct {
	number int
	addr   string
	peers  *peers
	child  child

	mu      sync.Mutex
	process *process // the latest, which may have exited
	closed  bool
}

// Number returns the member's number in the cluster, which starts at 1.
func (m *Member) Number() int { return m.number }

// Endpoint returns the member's client address.
func (m *Member) Endpoint() string { return m.addr }

// Dir returns the member's data directory.
func (m *Member) Dir() string { return m.child.Config.Dir }

// Kill kills the member as SIGKILL does, even if it is stopped. It returns once
// the process has exited.
func (m *Member) Kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.process.kill()
}

// Restart starts the member on its data, killing it first if it runs. It
// returns once the member serves, which takes a majority of the members. A
// member that finds no majority within half a minute exits.
func (m *Member) Restart(ctx context.Context) error {
	p, err := m.replace()
	if err == nil {
		err = p.wait(ctx)
	}
	if err != nil {
		return fmt.Errorf("member %d did not start: %w", m.number, err)
	}
	return nil
}

// Upgrade restarts the member on its data as another etcd, whose path is server.
func (m *Member) Upgrade(ctx context.Context, server string) error {
	m.mu.Lock()
	m.child.server = server
	m.mu.Unlock()
	return m.Restart(ctx)
}

// replace kills the member's process, if it runs, and starts a new one.
func (m *Member) replace() (*process, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	m.process.kill()
	p, err := m.child.start()
	m.process = p
	return p, err
}

// Stop suspends the member with SIGSTOP: its connections stay open and silent.
// On Linux it returns once the member has stopped. It returns
// errors.ErrUnsupported on systems without SIGSTOP, and ErrNotRunning if the
// member has exited.
func (m *Member) Stop() error { return m.signal(suspend) }

// Continue resumes a stopped member; it has no effect on one that runs. It
// returns the same errors as Stop.
func (m *Member) Continue() error { return m.signal(resume) }

func (m *Member) signal(send func(*os.Process) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.process.alive() {
		return fmt.Errorf("%w: %d", ErrNotRunning, m.number)
	}
	return send(m.process.cmd.Process)
}

func (m *Member) running() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.process.alive()
}

// Isolate cuts the member off from all other members, but not from clients.
func (m *Member) Isolate() { m.Disturb(Fault{Out: true, In: true}) }

// Disturb sets what is wrong with the network between the member and all others, instead of
// what was before. Clients are not affected.
func (m *Member) Disturb(f Fault) { m.peers.disturb(m.number-1, f) }

// Rejoin mends the network between the member and the others.
func (m *Member) Rejoin() { m.Disturb(Fault{}) }

// close kills the member for good.
func (m *Member) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.process.kill()
}
