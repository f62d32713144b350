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
	cmd := exec.Command(c.server, c.serverFlags()...)
	cmd.Env = append(os.Environ(), "HTTP_PROXY="+c.proxy, "NO_PROXY=", "no_proxy=")
	cmd.Stderr = c.stderr
	c.keep(cmd)
	cmd.SysProcAttr = endsWithParent()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, served: make(chan struct{}), dead: make(chan struct{})}
	go func() {
		defer close(p.dead)
		_ = cmd.Wait()
	}()
	go p.awaitHealth(c.Config.Client + "/health")
	return p, nil
}

// serverFlags returns the flags that say to a server what an embedded member is configured
// with.
func (c child) serverFlags() []string {
	cfg := c.Config
	election, tokenTTL := cfg.ElectionTimeout, cfg.TokenTTL
	if election == 0 {
		election = 500 * time.Millisecond
	}
	if tokenTTL == 0 {
		tokenTTL = 5 * time.Minute
	}
	state := "new"
	if cfg.Joins {
		state = "existing"
	}
	return append([]string{
		"--name", cfg.Name, "--data-dir", cfg.Dir,
		"--listen-client-urls", cfg.Client, "--advertise-client-urls", cfg.Client,
		"--listen-peer-urls", cfg.Peer, "--initial-advertise-peer-urls", cfg.AdvertisePeer, "--initial-cluster", cfg.Cluster, "--initial-cluster-state", state,
		"--heartbeat-interval", "50", "--election-timeout", strconv.FormatInt(election.Milliseconds(), 10),
		"--auth-token-ttl", strconv.Itoa(int(tokenTTL.Seconds())), "--bcrypt-cost", "4", "--strict-reconfig-check=false",
		"--unsafe-no-fsync", "--log-level", "fatal", "--logger", "zap",
	}, c.flags...)
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
