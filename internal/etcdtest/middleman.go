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

// Middleman is an HTTP/2 proxy between clients and a member, as a load balancer
// is one. It can lose replies: etcd has done what it was asked, and the client
// hears of an error.
type Middleman struct {
	Addr string

	mu    sync.Mutex
	calls []string // the unary calls that were answered, by method
	lose  func(call int, method string) Loss
}

// LostReply is what an error says that takes the place of a reply.
const LostReply = "the reply was lost"

// Loss is what a client hears in place of a reply. The zero Loss is the reply.
type Loss struct {
	Code   codes.Code // of gRPC
	Status int        // of HTTP, without anything of gRPC
	Reset  bool       // the stream is reset
}

// NewMiddleman forwards a free port of 127.0.0.1 to target until the test ends.
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
		ErrorLog:       log.New(io.Discard, "", 0), // which tells of each client that goes
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

// Lose decides about the replies to come, which count from 0. nil loses none.
func (m *Middleman) Lose(lose func(call int, method string) Loss) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls, m.lose = nil, lose
}

// Calls are the methods of the unary calls since Lose, in the order of their
// replies.
func (m *Middleman) Calls() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls
}

// streams are the calls that go on for as long as the client likes.
var streams = map[string]bool{"/etcdserverpb.Watch/Watch": true, "/etcdserverpb.Lease/LeaseKeepAlive": true}

// answer lets a reply through or loses it.
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
