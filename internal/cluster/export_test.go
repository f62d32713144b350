package cluster

import "strconv"

// Crash kills the member's process behind the member's back.
func (m *Member) Crash() {
	_ = m.process.cmd.Process.Kill()
	<-m.process.dead
}

// PID returns the id of the member's current process.
func (m *Member) PID() string { return strconv.Itoa(m.process.cmd.Process.Pid) }

// Disown gives the data up as the death of this process would: members that live keep it.
func (c *Cluster) Disown() { _ = c.scratch.Owner.Close() }
