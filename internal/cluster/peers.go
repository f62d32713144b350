package cluster

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// peers is the network between the members, with one cable per pair.
//
// A member has a single peer address for all others, so a relay in front of that
// address could not know which member calls. Instead, each member calls the
// others through its own SOCKS proxy. etcd takes the proxy from the environment,
// as Go's HTTP client does, which ignores it for loopback addresses; so members
// advertise host names that only the proxies can resolve.
type peers struct {
	addrs   []string // the members' peer addresses
	proxies []*relay // by calling member
	cables  [][]*cable

	mu       sync.Mutex
	isolated []bool
	met      map[[2]int]bool // pairs (caller, called) that have been in contact
}

func newPeers(addrs []string) (*peers, error) {
	n := len(addrs)
	p := &peers{addrs: addrs, cables: make([][]*cable, n), isolated: make([]bool, n), met: map[[2]int]bool{}}
	for i := range n {
		p.cables[i] = make([]*cable, n)
		for k := range i {
			p.cables[i][k] = newCable()
			p.cables[k][i] = p.cables[i][k]
		}
	}
	if n == 1 { // no peers to call
		return p, nil
	}
	for i := range n {
		proxy, err := newRelay(func(c net.Conn) (string, *cable, error) { return p.route(i, c) })
		if err != nil {
			return p, err
		}
		p.proxies = append(p.proxies, proxy)
	}
	return p, nil
}

// host returns the host name that other members use for member i. Its domain is
// reserved (RFC 2606) and never resolves.
func (p *peers) host(i int) string { return memberName(i+1) + ".invalid" }

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

// isolate cuts member i off from all others, or reconnects it. The cable to a
// member that is isolated itself stays cut.
func (p *peers) isolate(i int, isolated bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isolated[i] = isolated
	for k, c := range p.cables[i] {
		if c != nil {
			c.set(!isolated && !p.isolated[k])
		}
	}
}

func (p *peers) close() {
	for _, proxy := range p.proxies {
		proxy.close()
	}
}

// route returns the member that member i calls on c, and the cable between them.
func (p *peers) route(i int, c net.Conn) (string, *cable, error) {
	host, err := acceptSOCKS(c)
	if err != nil {
		return "", nil, err
	}
	for k, addr := range p.addrs {
		if k != i && host == p.host(k) && p.meet(i, k) {
			return addr, p.cables[i][k], nil
		}
	}
	return "", nil, fmt.Errorf("no way to %q", host)
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
// any connection is made, and returns the requested host name.
func acceptSOCKS(c io.ReadWriter) (host string, err error) {
	const version, noAuth, connect, byName, byIPv4 = 5, 0, 1, 3, 1
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
	var head [5]byte // version, command, reserved, address type, length of the name
	if _, err := io.ReadFull(c, head[:]); err != nil || head[1] != connect || head[3] != byName {
		return "", errors.Join(errSOCKS, err)
	}
	name := make([]byte, int(head[4])+2) // the host name and the port
	if _, err := io.ReadFull(c, name); err != nil {
		return "", err
	}
	_, err = c.Write([]byte{version, 0, 0, byIPv4, 0, 0, 0, 0, 0, 0})
	return string(name[:head[4]]), err
}
