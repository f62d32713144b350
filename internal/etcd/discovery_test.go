package etcd_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/hint"
)

// serveDNS answers SRV queries with the port of 127.0.0.1 that records have for the name,
// and queries for the addresses of targets with a machine that is off and 127.0.0.1. It is
// the resolver of this process until the test ends.
func serveDNS(t *testing.T, records map[string]uint16) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply, err := answerDNS(buf[:n], records); err == nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
	t.Cleanup(func() {
		net.DefaultResolver = before
		_ = conn.Close()
		<-done
	})
}

func answerDNS(query []byte, records map[string]uint16) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	q := m.Questions[0]
	h := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, Type: q.Type}
	port, ok := records[strings.TrimSuffix(q.Name.String(), ".")]
	switch {
	case q.Type == dnsmessage.TypeSRV && ok:
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.SRVResource{Port: port, Target: dnsmessage.MustNewName("member.example.com.")}})
	case q.Type == dnsmessage.TypeA:
		for _, addr := range [][4]byte{{127, 0, 0, 2}, {127, 0, 0, 1}} {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: addr}})
		}
	case q.Type == dnsmessage.TypeSRV:
		m.RCode = dnsmessage.RCodeNameError
	}
	return m.Pack()
}

func port(t *testing.T, endpoint string) uint16 {
	t.Helper()
	addr, err := net.ResolveTCPAddr("tcp", strings.TrimPrefix(endpoint, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	return uint16(addr.Port)
}

// The name in the record has two addresses, and only the second is etcd's.
func TestDiscovery(t *testing.T) {
	endpoint := etcdtest.Start(t)
	serveDNS(t, map[string]uint16{"_etcd-client._tcp.example.com": port(t, endpoint), "_etcd-client-blue._tcp.example.com": 1})
	cfg, err := etcd.Config{DialTimeout: 5 * time.Second}.Discover(t.Context(), etcd.Discovery{Domain: "example.com", Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	client, err := cfg.Connect(t.Context())
	if err != nil {
		t.Fatalf("%q: %v", cfg.Endpoints, err)
	}
	_ = client.Close()

	blue, err := cfg.Discover(t.Context(), etcd.Discovery{Domain: "example.com", Service: "blue", Insecure: true})
	if err != nil || strings.Join(blue.Endpoints, ",") != "http://member.example.com.:1" {
		t.Errorf("found %q by the name of the service, %v", blue.Endpoints, err)
	}
	for domain, want := range map[string]string{
		"example.com": "the SRV records of example.com name endpoints without TLS only",
		"example.net": "find etcd by the SRV records of example.net",
	} {
		if _, err := cfg.Discover(t.Context(), etcd.Discovery{Domain: domain}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", domain, err)
		}
	}
	_, err = cfg.Discover(t.Context(), etcd.Discovery{Domain: "example.net"})
	if hint.Of(err) == "" {
		t.Error("nothing to do about missing records is said")
	}
}

// Endpoints are written as etcdctl takes them.
func TestEndpointForms(t *testing.T) {
	t.Chdir(t.TempDir()) // etcd makes its socket there
	for name, form := range map[string]struct{ listen, scheme, end string }{
		"trailing slash": {"http://127.0.0.1:0", "http://", "/"},
		"no scheme":      {"http://127.0.0.1:0", "", ""},
		"IPv6":           {"http://[::1]:0", "http://", ""},
		"Unix socket":    {"unix://localhost:0", "unix://", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if l, err := net.Listen("tcp", "[::1]:0"); err == nil {
				_ = l.Close()
			} else if name == "IPv6" {
				t.Skip("this machine has no IPv6: ", err)
			}
			member, err := etcd.StartEmbedded(t.Context(), etcd.EmbeddedConfig{Client: form.listen})
			if err != nil {
				t.Fatal(err)
			}
			defer member.Close()
			client, err := etcd.Config{Endpoints: []string{form.scheme + member.Endpoint() + form.end}, DialTimeout: time.Minute}.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_ = client.Close()
		})
	}
}
