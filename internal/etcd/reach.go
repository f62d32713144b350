package etcd

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// reachMember is reach with each endpoint by itself, if the first one to answer was a
// learner's, which refuses logins, or that of another server than etcd. All are tried at
// once, for one that is down would take the whole time.
func reachMember(ctx context.Context, cfg clientv3.Config) (*clientv3.Client, error) {
	client, err := reach(ctx, cfg)
	if err == nil || !isLearner(err) && !isOther(err) || len(cfg.Endpoints) == 1 {
		return client, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		client *clientv3.Client
		err    error
	}
	results := make(chan result)
	for _, endpoint := range cfg.Endpoints {
		alone := cfg
		alone.Endpoints, alone.TLS = []string{endpoint}, cfg.TLS.Clone() // clientv3 writes to it
		go func() {
			client, err := reach(ctx, alone)
			results <- result{client, err}
		}()
	}
	for range cfg.Endpoints {
		switch r := <-results; {
		case r.err == nil && client == nil:
			client = r.client
			cancel()
		case r.err == nil:
			_ = r.client.Close()
		case ctx.Err() == nil && !isLearner(r.err) && !isOther(r.err):
			err = r.err // of a member
		}
	}
	if client != nil {
		return client, nil
	}
	return nil, err
}

// reach returns a client once etcd has answered. Until then, the end of ctx closes
// the client.
func reach(ctx context.Context, cfg clientv3.Config) (*clientv3.Client, error) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	answered := context.AfterFunc(ctx, end)
	cfg.Context = life
	client, err := clientv3.New(cfg)
	if err != nil {
		end()
		return nil, err
	}
	if err = probe(ctx, client); err == nil && !answered() {
		err = ctx.Err()
	}
	if err != nil {
		_ = client.Close()
		return nil, err
	}
	return client, nil
}

// probeKey is read to see whether etcd answers. It need not exist.
const probeKey = "etcd-lock"

// probe reads a key. A permission error is an answer too:
// whether the user may do something shows when they do it.
func probe(ctx context.Context, client *clientv3.Client) error {
	_, err := client.Get(ctx, probeKey, clientv3.WithCountOnly(), clientv3.WithSerializable())
	if errors.Is(err, rpctypes.ErrPermissionDenied) {
		return nil
	}
	return err
}
