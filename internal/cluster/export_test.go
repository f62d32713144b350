package cluster

// Crash has the member die without Kill.
func (m *Member) Crash() {
	_ = m.process.cmd.Process.Kill()
	<-m.process.dead
}
