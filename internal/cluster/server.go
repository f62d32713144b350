package cluster

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// healthEvery is how often a server is asked whether it serves.
const healthEvery = 20 * time.Millisecond

// startServer starts the member as an etcd of its own program, and does not wait until it
// serves.
func (c child) startServer() (*process, error) {
	cfg := c.Config
	election := cfg.ElectionTimeout
	if election == 0 {
		election = 500 * time.Millisecond
	}
	cmd := exec.Command(c.server, "--name", cfg.Name, "--data-dir", cfg.Dir,
		"--listen-client-urls", cfg.Client, "--advertise-client-urls", cfg.Client,
		"--listen-peer-urls", cfg.Peer, "--initial-advertise-peer-urls", cfg.AdvertisePeer, "--initial-cluster", cfg.Cluster,
		"--heartbeat-interval", "50", "--election-timeout", strconv.FormatInt(election.Milliseconds(), 10),
		"--unsafe-no-fsync", "--log-level", "fatal", "--logger", "zap")
	cmd.Env = append(os.Environ(), "HTTP_PROXY="+c.proxy, "NO_PROXY=", "no_proxy=")
	cmd.Stderr = c.stderr
	cmd.SysProcAttr = endsWithParent()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, served: make(chan struct{}), dead: make(chan struct{})}
	go func() {
		defer close(p.dead)
		_ = cmd.Wait()
	}()
	go p.awaitHealth(cfg.Client + "/health")
	return p, nil
}

// awaitHealth asks the server until it is healthy, or has exited.
func (p *process) awaitHealth(url string) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true}
	client := http.Client{Transport: transport, Timeout: time.Second}
	for {
		if isHealthy(ctx, &client, url) {
			close(p.served)
			return
		}
		select {
		case <-p.dead:
			return
		case <-time.After(healthEvery):
		}
	}
}

func isHealthy(ctx context.Context, client *http.Client, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
