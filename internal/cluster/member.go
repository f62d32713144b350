package cluster

import (
	"context"
	"fmt"
	"os"
	"sync"
)

// Member is a member of a cluster. Its number, address and data stay the same
// whatever befalls it.
type Member struct {
	number int
	addr   string
	peers  *peers
	child  child

	mu      sync.Mutex
	process *process // the last there was
	closed  bool
}

// Number is the member's place in the cluster, from 1.
func (m *Member) Number() int { return m.number }

// Endpoint is the address that it serves clients on.
func (m *Member) Endpoint() string { return m.addr }

// Kill ends the member as SIGKILL does, also when it is stopped. It returns
// once the process is gone.
func (m *Member) Kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.process.kill()
}

// Restart starts the member again on its data, and kills it first if it is not
// dead. It returns once the member serves, which takes a majority of the
// members; one that finds none within half a minute dies.
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

// replace puts a new process in the place of the one there was.
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

// Stop has the system suspend the member, with SIGSTOP: its connections stay
// open and silent. On Linux it returns once the member has stopped. It fails with errors.ErrUnsupported where there is no such
// thing, and with ErrNotRunning when the member is dead.
func (m *Member) Stop() error { return m.signal(suspend) }

// Continue ends what Stop began, and is nothing to a member that runs. It fails
// as Stop does.
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

// Isolate cuts the member off from all others, but not from clients.
func (m *Member) Isolate() { m.peers.isolate(m.number-1, true) }

// Rejoin ends what Isolate began.
func (m *Member) Rejoin() { m.peers.isolate(m.number-1, false) }

// close kills the member for good.
func (m *Member) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.process.kill()
}
