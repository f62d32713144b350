package cluster

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Fault is what is wrong with the network between a member and all others. The zero value is
// a network that works.
type Fault struct {
	Out   bool          // the others receive nothing from the member
	In    bool          // the member receives nothing from the others
	Delay time.Duration // by which each piece of data is late, in both directions
	// Lose is of how many pieces of data one is lost, in both directions; 0 loses none. As
	// TCP has no gaps, the connection breaks.
	Lose int
}

// peers is the network between the members, with one cable per pair and direction.
//
// A member has a single peer address for all others, so a relay in front of that
// address could not know which member calls. Instead, each member calls the
// others through its own SOCKS proxy. etcd takes the proxy from the environment,
// as Go's HTTP client does, which ignores it for loopback addresses; so members
// advertise addresses that only the proxies know. They are no names: etcd resolves those of
// other members when one joins.
type peers struct {
	addrs   []string   // the members' peer addresses
	proxies []*relay   // by calling member
	cables  [][]*cable // by sender and receiver

	mu     sync.Mutex
	faults []Fault
	met    map[[2]int]bool // pairs (caller, called) that have been in contact
}

func newPeers(addrs []string) (*peers, error) {
	n := len(addrs)
	p := &peers{addrs: addrs, cables: make([][]*cable, n), faults: make([]Fault, n), met: map[[2]int]bool{}}
	for i := range n {
		p.cables[i] = make([]*cable, n)
		for k := range n {
			p.cables[i][k] = newCable()
		}
	}
	if n == 1 { // no peers to call
		return p, nil
	}
	for i := range n {
		proxy, err := newRelay(func(c net.Conn) (string, *cable, *cable, error) { return p.route(i, c) })
		if err != nil {
			return p, err
		}
		p.proxies = append(p.proxies, proxy)
	}
	return p, nil
}

// host returns the address that other members use for member i. Its network is reserved for
// documentation (RFC 5737) and is nowhere.
func (p *peers) host(i int) string { return fmt.Sprintf("192.0.2.%d", i+1) }

// url returns the URL that other members use for member i.
func (p *peers) url(i int) string {
	_, port, _ := net.SplitHostPort(p.addrs[i])
	return "http://" + net.JoinHostPort(p.host(i), port)
}

// proxy returns the URL of the proxy for member i, or "" in a cluster of one.
func (p *peers) proxy(i int) string {
	if len(p.proxies) == 0 {
		return ""
	}
	return "socks5://" + p.proxies[i].addr()
}

// disturb sets what is wrong with the network of member i. What is wrong with that of another
// member applies to the cables between the two as well.
func (p *peers) disturb(i int, f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults[i] = f
	for k := range p.faults {
		p.apply(i, k)
		p.apply(k, i)
	}
}

// apply has the cable from one member to another be as their faults are. The caller holds p.mu.
func (p *peers) apply(from, to int) {
	a, b, c := p.faults[from], p.faults[to], p.cables[from][to]
	c.set(!a.Out && !b.In)
	c.disturb(a.Delay+b.Delay, max(a.Lose, b.Lose))
}

func (p *peers) close() {
	for _, proxy := range p.proxies {
		proxy.close()
	}
}

// route returns the member that member i calls on c, and the cables there and back.
func (p *peers) route(i int, c net.Conn) (target string, there, back *cable, err error) {
	host, err := acceptSOCKS(c)
	if err != nil {
		return "", nil, nil, err
	}
	for k, addr := range p.addrs {
		if k != i && host == p.host(k) && p.meet(i, k) {
			return addr, p.cables[i][k], p.cables[k][i], nil
		}
	}
	return "", nil, nil, fmt.Errorf("no way to %q", host)
}

// meet reports whether member i has called k before, and records the call. The
// first call is refused: etcd uses it to ask whether a cluster exists already,
// and a member that is starting too cannot answer, which would delay the start
// by a second.
func (p *peers) meet(i, k int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.met[[2]int{i, k}]
	p.met[[2]int{i, k}] = true
	return before
}

var errSOCKS = errors.New("not SOCKS 5 as Go's HTTP client speaks it")

// acceptSOCKS answers a SOCKS 5 CONNECT request (RFC 1928) with success before
// any connection is made, and returns the requested IPv4 address.
func acceptSOCKS(c io.ReadWriter) (host string, err error) {
	const version, noAuth, connect, byIPv4 = 5, 0, 1, 1
	var methods [2]byte
	if _, err := io.ReadFull(c, methods[:]); err != nil || methods[0] != version {
		return "", errors.Join(errSOCKS, err)
	}
	if _, err := io.CopyN(io.Discard, c, int64(methods[1])); err != nil {
		return "", err
	}
	if _, err := c.Write([]byte{version, noAuth}); err != nil {
		return "", err
	}
	var request [10]byte // version, command, reserved, address type, address, port
	if _, err := io.ReadFull(c, request[:]); err != nil || request[1] != connect || request[3] != byIPv4 {
		return "", errors.Join(errSOCKS, err)
	}
	_, err = c.Write([]byte{version, 0, 0, byIPv4, 0, 0, 0, 0, 0, 0})
	return net.IP(request[4:8]).String(), err
}
