package etcdtest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Proxy is a network between clients and a member that can be cut. While it is
// cut, nothing goes through in either direction and no connection breaks, as
// when a cable is out; what was sent arrives when it heals.
type Proxy struct {
	Addr string

	target string
	mu     sync.Mutex
	healed chan struct{} // closed while the network is whole
	conns  map[net.Conn]bool
	closed bool
	wg     sync.WaitGroup
}

// NewProxy forwards a free port of 127.0.0.1 to target until the test ends.
func NewProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), target: target, healed: make(chan struct{}), conns: map[net.Conn]bool{}}
	close(p.healed)
	p.wg.Add(1)
	go p.accept(l)
	tb.Cleanup(func() {
		_ = l.Close()
		p.close()
	})
	return p
}

// Cut cuts the network.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.healed:
		p.healed = make(chan struct{})
	default:
	}
}

// Heal ends a cut.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heal()
}

func (p *Proxy) heal() {
	select {
	case <-p.healed:
	default:
		close(p.healed)
	}
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.heal()
	for c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

func (p *Proxy) accept(l net.Listener) {
	defer p.wg.Done()
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		p.wg.Add(1)
		go p.serve(client)
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer p.wg.Done()
	if !p.track(client) {
		return
	}
	defer p.forget(client)
	p.whole()
	server, err := net.Dial("tcp", p.target)
	if err != nil || !p.track(server) {
		return
	}
	defer p.forget(server)
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.copy(server, client)
		_ = server.Close()
	}()
	p.copy(client, server)
	_ = client.Close()
	<-done
}

// copy forwards until either end closes, and waits while the network is cut.
func (p *Proxy) copy(to io.Writer, from io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.whole()
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// whole waits until the network is not cut.
func (p *Proxy) whole() {
	p.mu.Lock()
	healed := p.healed
	p.mu.Unlock()
	<-healed
}

func (p *Proxy) track(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.Close()
		return false
	}
	p.conns[c] = true
	return true
}

func (p *Proxy) forget(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	_ = c.Close()
}
