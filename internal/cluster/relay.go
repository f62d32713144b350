package cluster

import (
	"io"
	"net"
	"sync"
)

// route returns the target of an accepted connection, and the cables there and back.
type route func(net.Conn) (target string, there, back *cable, err error)

// relay accepts connections and forwards each to its target along a cable.
type relay struct {
	listener net.Listener
	route    route
	done     chan struct{}
	closing  sync.Once
	wg       sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool // nil once the relay is closed
}

// newRelay listens on a free port on 127.0.0.1.
func newRelay(r route) (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	rl := &relay{listener: l, route: r, done: make(chan struct{}), conns: map[net.Conn]bool{}}
	rl.wg.Go(rl.accept)
	return rl, nil
}

func (r *relay) addr() string { return r.listener.Addr().String() }

func (r *relay) close() {
	r.closing.Do(func() {
		close(r.done)
		_ = r.listener.Close()
		r.mu.Lock()
		for c := range r.conns {
			_ = c.Close()
		}
		r.conns = nil
		r.mu.Unlock()
	})
	r.wg.Wait()
}

func (r *relay) accept() {
	for {
		c, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.wg.Go(func() { r.serve(c) })
	}
}

func (r *relay) serve(client net.Conn) {
	if !r.track(client) {
		return
	}
	defer r.forget(client)
	target, there, back, err := r.route(client)
	if err != nil {
		return
	}
	there.wait(r.done)
	back.wait(r.done)
	server, err := net.Dial("tcp", target)
	if err != nil || !r.track(server) {
		return
	}
	defer r.forget(server)
	var requests sync.WaitGroup
	requests.Go(func() {
		r.copy(server, client, there)
		_ = server.Close()
	})
	r.copy(client, server, back)
	_ = client.Close()
	requests.Wait()
}

// copy forwards data until either end closes, or the cable loses some. It pauses while the
// cable is cut.
func (r *relay) copy(to io.Writer, from io.Reader, along *cable) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		along.wait(r.done)
		if n > 0 {
			if !along.pass(r.done) {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (r *relay) track(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conns == nil {
		_ = c.Close()
		return false
	}
	r.conns[c] = true
	return true
}

func (r *relay) forget(c net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
	_ = c.Close()
}
