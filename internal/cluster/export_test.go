package cluster

import "strconv"

// Crash has the member die without Kill.
func (m *Member) Crash() {
	_ = m.process.cmd.Process.Kill()
	<-m.process.dead
}

// PID is the process that the member is now.
func (m *Member) PID() string { return strconv.Itoa(m.process.cmd.Process.Pid) }
