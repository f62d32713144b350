package etcdtest

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
)

// Middleman is an HTTP/2 proxy between clients and a member, like a load balancer.
// It can lose replies: the member has executed the call, and the client gets an
// error.
type Middleman struct {
	Addr string // where clients connect

	mu    sync.Mutex
	calls []string // methods of the unary calls that the member has answered
	lose  func(call int, method string) Loss
}

// LostReply is the message of the error that replaces a lost reply.
const LostReply = "the reply was lost"

// Loss is what a client gets instead of a reply. The zero Loss keeps the reply.
type Loss struct {
	Code   codes.Code // gRPC status
	Status int        // HTTP status, without a gRPC status
	Reset  bool       // the stream is reset
}

// NewMiddleman forwards a free port on 127.0.0.1 to target until the test ends.
func NewMiddleman(tb testing.TB, target string) *Middleman {
	tb.Helper()
	m := &Middleman{}
	var unencrypted http.Protocols
	unencrypted.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &unencrypted}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: target}) },
		Transport:      transport,
		FlushInterval:  -1, // streams
		ModifyResponse: m.answer,
		ErrorLog:       log.New(io.Discard, "", 0), // it reports every client that disconnects
		ErrorHandler:   func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	server := httptest.NewUnstartedServer(proxy)
	server.Config.Protocols = &unencrypted
	server.Start()
	tb.Cleanup(transport.CloseIdleConnections)
	tb.Cleanup(server.Close)
	tb.Cleanup(server.CloseClientConnections)
	m.Addr = server.Listener.Addr().String()
	return m
}

// Lose makes lose decide which of the replies from now on are lost; call counts
// them from 0. With nil none is lost.
func (m *Middleman) Lose(lose func(call int, method string) Loss) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls, m.lose = nil, lose
}

// Calls returns the methods of the unary calls since Lose, in the order of their
// replies.
func (m *Middleman) Calls() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls
}

// streams are the methods whose calls do not end with a reply.
var streams = map[string]bool{"/etcdserverpb.Watch/Watch": true, "/etcdserverpb.Lease/LeaseKeepAlive": true}

// answer passes a reply on or loses it.
func (m *Middleman) answer(reply *http.Response) error {
	method := reply.Request.URL.Path
	if streams[method] {
		return nil
	}
	loss := m.decide(method)
	if loss == (Loss{}) {
		return nil
	}
	if _, err := io.Copy(io.Discard, reply.Body); err != nil {
		return err
	}
	_ = reply.Body.Close()
	if loss.Reset {
		panic(http.ErrAbortHandler)
	}
	reply.Header, reply.Body, reply.Trailer = http.Header{}, http.NoBody, nil
	if loss.Status != 0 {
		reply.StatusCode = loss.Status
		return nil
	}
	reply.Header.Set("Content-Type", "application/grpc")
	reply.Trailer = http.Header{ // as headers, they would be flushed without the end of the stream
		"Grpc-Status":  {strconv.Itoa(int(loss.Code))},
		"Grpc-Message": {LostReply},
	}
	return nil
}

func (m *Middleman) decide(method string) Loss {
	m.mu.Lock()
	defer m.mu.Unlock()
	call := len(m.calls)
	m.calls = append(m.calls, method)
	if m.lose == nil {
		return Loss{}
	}
	return m.lose(call, method)
}
