package cluster

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// peers are the networks between the members, a cable for each two.
//
// A member has one address for all others, in front of which it could not be
// told who calls. So each member calls the others through a proxy of its own,
// which etcd takes from its environment as any HTTP client does: for names, not
// for loopback addresses, and thus the members' addresses are names, which only
// the proxies know.
type peers struct {
	addrs   []string // that the members listen on
	proxies []*relay // of each member, to the others
	cables  [][]*cable

	mu       sync.Mutex
	isolated []bool
	met      map[[2]int]bool // who has called whom
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
	if n == 1 { // who has nobody to call
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

// host is the name that the others know member i by. The domain is one that
// can never be.
func (p *peers) host(i int) string { return memberName(i+1) + ".invalid" }

// url is the address that the others know member i by.
func (p *peers) url(i int) string {
	_, port, _ := net.SplitHostPort(p.addrs[i])
	return "http://" + net.JoinHostPort(p.host(i), port)
}

// proxy is what member i reaches the others by, if there are others.
func (p *peers) proxy(i int) string {
	if len(p.proxies) == 0 {
		return ""
	}
	return "socks5://" + p.proxies[i].addr()
}

// isolate cuts member i off from all others, or no more. The cable to another
// that is isolated itself stays cut.
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

// route finds out whom member i calls.
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

// meet reports whether member i has called k before. The first call is refused:
// with it etcd asks whether there is a cluster already, and a member that is
// starting too, and so cannot answer, would keep it waiting for a second.
func (p *peers) meet(i, k int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.met[[2]int{i, k}]
	p.met[[2]int{i, k}] = true
	return before
}

var errSOCKS = errors.New("not SOCKS 5 as Go's HTTP client speaks it")

// acceptSOCKS grants what the client asks for, whatever becomes of it, and
// returns the host's name (RFC 1928).
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
	var head [5]byte // version, command, nothing, kind of address, length of the name
	if _, err := io.ReadFull(c, head[:]); err != nil || head[1] != connect || head[3] != byName {
		return "", errors.Join(errSOCKS, err)
	}
	name := make([]byte, int(head[4])+2) // and a port
	if _, err := io.ReadFull(c, name); err != nil {
		return "", err
	}
	_, err = c.Write([]byte{version, 0, 0, byIPv4, 0, 0, 0, 0, 0, 0})
	return string(name[:head[4]]), err
}
