package etcd_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"etcd-lock/internal/etcd"
)

func TestConnect(t *testing.T) {
	t.Parallel()
	member, err := etcd.StartEmbedded(context.Background(), etcd.EmbeddedConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer member.Close()
	t.Run("OK", func(t *testing.T) {
		cfg := etcd.Config{Endpoints: []string{member.Endpoint()}, DialTimeout: 10 * time.Second}
		client, err := cfg.Connect(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = client.Close() }()
		if _, err := client.Put(context.Background(), "k", "v"); err != nil {
			t.Error(err)
		}
	})
	tests := []struct {
		name string
		cfg  etcd.Config
		want string
	}{
		{"NoEndpoint", etcd.Config{}, "no etcd endpoint"},
		{"NobodyThere", etcd.Config{Endpoints: []string{closedAddr(t)}}, "did not answer within 300ms (connection refused)"},
		{"SilentPeer", etcd.Config{Endpoints: []string{silentAddr(t)}}, "did not answer within 300ms"},
		{"NoSuchCA", etcd.Config{Endpoints: []string{member.Endpoint()}, CACert: filepath.Join(t.TempDir(), "none.pem")}, "none.pem"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.DialTimeout = 300 * time.Millisecond
			client, err := tt.cfg.Connect(context.Background())
			if err == nil {
				_ = client.Close()
				t.Fatal("connected")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q does not say %q", err, tt.want)
			}
		})
	}
}

// closedAddr returns an address that nothing listens at, and that nothing else
// gets while the test runs: it is one end of an open connection.
func closedAddr(t *testing.T) string {
	t.Helper()
	conn, err := net.Dial("tcp", silentAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn.LocalAddr().String()
}

// silentAddr is where somebody listens and never answers.
func silentAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func TestEmbeddedLeavesNothingBehind(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	member, err := etcd.StartEmbedded(context.Background(), etcd.EmbeddedConfig{})
	if err != nil {
		t.Fatal(err)
	}
	addr := member.Endpoint()
	member.Close()
	member.Close()
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left in %s: %v, %v", os.TempDir(), left, err)
	}
	if l, err := net.Listen("tcp", addr); err != nil {
		t.Errorf("the port is still taken: %v", err)
	} else {
		_ = l.Close()
	}
}

func TestEmbeddedThatCannotStart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	t.Setenv("TMPDIR", t.TempDir())
	if _, err := etcd.StartEmbedded(context.Background(), etcd.EmbeddedConfig{Client: "http://" + l.Addr().String()}); err == nil {
		t.Fatal("started on a port that is taken")
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left in %s: %v, %v", os.TempDir(), left, err)
	}
}
