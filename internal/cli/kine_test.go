package cli

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
)

// onKine puts what k3s left in kine into one, and returns a function that runs commands on
// it.
func onKine(t *testing.T) (run func(args ...string) (code int, said string), client *clientv3.Client) {
	t.Helper()
	endpoint := etcdtest.StartKine(t, etcdtest.Start(t))
	client = etcdtest.Client(t, endpoint)
	all := etcdtest.Corpus(t)
	left := all[slices.IndexFunc(all, func(c etcdtest.Capture) bool { return c.Name == "kine-k8s-contended" })]
	for _, kv := range left.KVs {
		lease, _ := strconv.ParseInt(kv.Lease, 16, 64) // none is empty
		if _, err := client.Put(t.Context(), string(kv.Key), string(kv.Value), clientv3.WithLease(clientv3.LeaseID(lease))); err != nil {
			t.Fatal(err)
		}
	}
	return func(args ...string) (int, string) {
		var out bytes.Buffer
		code := Main(System{
			Args: slices.Concat([]string{"--endpoints", endpoint}, args), In: strings.NewReader(""),
			Out: &out, Err: &out, Getenv: func(string) string { return "" },
		})
		return code, out.String()
	}, client
}

// TestKine: on kine, the etcd of k3s, everything that reads works as on etcd, and what kine
// does not have is said plainly, once.
func TestKine(t *testing.T) {
	t.Parallel()
	const lease, noLeases = "/registry/leases/kube-system/kube-scheduler", "this server (kine, as in k3s) has no leases: "
	run, client := onKine(t)
	before, err := client.Get(t.Context(), lease)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Put(t.Context(), "/mine", "pod-1", clientv3.WithLease(3600)); err != nil {
		t.Fatal(err)
	}
	since := strconv.FormatInt(before.Kvs[0].CreateRevision, 10)
	now := strconv.FormatInt(before.Header.Revision, 10)
	for _, tt := range []struct {
		args []string
		code int
		says []string
	}{
		{args: []string{"ls"}, says: []string{"kube-controller-manager\tkubernetes-lease", lease + "\tkubernetes-lease", "ops/empty\tkubernetes-lease\tvacant"}},
		{args: []string{"ls", "--rev", since}, says: []string{lease}},
		{args: []string{"ls", "--rev", "1.." + now}, says: []string{lease}},
		{args: []string{"ls", "--rev", "100000"}, code: 1, says: []string{"does not exist yet"}},
		{args: []string{"show", lease}, says: []string{"kubernetes-lease", "lapsed", "node-a_6f1c"}},
		{args: []string{"show", lease, "--history"}, says: []string{"granted", "node-a_6f1c", "kine) does not say"}},
		{args: []string{"why"}, says: []string{"3 findings in 4 locks", "node-a_6f1c is named as the holder of " + lease}},
		{args: []string{"why", lease}, says: []string{"how many wait is not known"}},
		{args: []string{"layouts"}, says: []string{"kubernetes-lease\trecord\t4"}},
		{args: []string{"layouts", "explain", lease}, says: []string{"kubernetes-lease matches"}},
		{args: []string{"release", lease, "--holder", "--yes"}, code: 1, says: []string{"kubectl delete lease --namespace kube-system kube-scheduler"}},
		{args: []string{"release", "--lease", "e10", "--yes"}, code: 1, says: []string{noLeases}},
		{args: []string{"exec", "/x", "--", "true"}, code: 1, says: []string{noLeases}},
		{args: []string{"access", "--check"}, says: []string{"authentication is disabled", "list locks\tyes", "watch locks\tyes", "look up leases\tno\t" + noLeases, "take locks\tno\t", "release locks\tyes"}},
		{args: []string{"--lock-keys", "/mine", "show", "/mine"}, says: []string{"warning: remaining TTLs are not known: ", noLeases, "holding", "pod-1"}},
		{args: []string{"--lock-keys", "/mine", "why", "/mine"}, says: []string{"holding", "remaining TTLs of leases: ", noLeases}},
		{args: []string{"--lock-keys", "/mine", "release", "--request", "/mine", "--yes"}, says: []string{"released at revision"}},
	} {
		code, said := run(tt.args...)
		if code != tt.code || strings.Count(said, noLeases) > 1 || strings.Contains(said, "runs etcd") {
			t.Errorf("%q: exit %d, %s", tt.args, code, said)
		}
		rest := said
		for _, text := range tt.says {
			_, after, found := strings.Cut(rest, text)
			if !found {
				t.Errorf("%q does not say %q in its turn: %s", tt.args, text, said)
			}
			rest = after
		}
	}
}
