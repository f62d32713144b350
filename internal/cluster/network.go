package cluster

import "net"

// Network holds one client's links to the members, in order of their numbers.
type Network []*Link

func newNetwork(targets []string) (Network, error) {
	var n Network
	for _, t := range targets {
		l, err := NewLink(t)
		if err != nil {
			n.Close()
			return nil, err
		}
		n = append(n, l)
	}
	return n, nil
}

// Endpoints returns the addresses that clients use to reach the members.
func (n Network) Endpoints() []string {
	var all []string
	for _, l := range n {
		all = append(all, l.Addr())
	}
	return all
}

// Cut cuts all links.
func (n Network) Cut() {
	for _, l := range n {
		l.Cut()
	}
}

// Heal restores all links.
func (n Network) Heal() {
	for _, l := range n {
		l.Heal()
	}
}

// Close closes all links and their connections. It may be called more than once.
func (n Network) Close() {
	for _, l := range n {
		l.Close()
	}
}

// Link is a network between clients and a member that can be cut. While it is
// cut, no data passes in either direction and no connection breaks, as when a
// cable is unplugged. Data sent meanwhile arrives when the link heals.
type Link struct {
	cable *cable
	relay *relay
}

// NewLink forwards a free port on 127.0.0.1 to target.
func NewLink(target string) (*Link, error) {
	l := &Link{cable: newCable()}
	var err error
	l.relay, err = newRelay(func(net.Conn) (string, *cable, *cable, error) { return target, l.cable, l.cable, nil })
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Addr returns the address that clients use to reach the target.
func (l *Link) Addr() string { return l.relay.addr() }

// Cut cuts the link.
func (l *Link) Cut() { l.cable.set(false) }

// Heal restores the link.
func (l *Link) Heal() { l.cable.set(true) }

// Close closes the link and its connections. It may be called more than once.
func (l *Link) Close() { l.relay.close() }
