package stories

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"etcd-lock/internal/etcdtest"
)

const kubeLease = "/registry/leases/kube-system/kube-scheduler"

// kubernetes writes Leases with the encoder of Kubernetes.
func kubernetes(t *testing.T, address string) (write func(key, holder string)) {
	t.Helper()
	path := goProgram(t, "kubernetes", ".", "k8s.io/apimachinery@v0.37.2", "k8s.io/api@v0.37.2", "go.etcd.io/etcd/client/v3@v3.7.3")
	return func(key, holder string) {
		t.Helper()
		if out, err := exec.Command(path, address, key, holder).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
}

// TestRealKubernetes: Leases as API servers write them, held, taken over and released.
func TestRealKubernetes(t *testing.T) {
	u, address := onEtcd(t)
	kubeLeases(u, kubernetes(t, address))
}

// kubeLeases tells what becomes of a Lease.
func kubeLeases(u *user, write func(key, holder string)) {
	f := foreign{user: u, name: kubeLease, layout: "kubernetes-lease", owner: `"label": "node-a_1"`, why: "by the holder's clock"}
	write(kubeLease, "node-a_1")
	write("/registry/leases/kube-node-lease/node-a", "node-a")
	f.held(0)
	write(kubeLease, "node-b_2")
	f.owner = `"label": "node-b_2"`
	f.held(0)
	f.refuses("kubectl delete lease --namespace kube-system kube-scheduler")
	write(kubeLease, "")
	if s := f.show(); len(s.Locks) != 1 || s.Locks[0].State != "vacant" {
		f.Errorf("a Lease without a holder is shown as %+v", s)
	}
	if out, err := f.command("ls").Output(); err != nil || strings.Contains(string(out), "kube-node-lease") {
		f.Errorf("heartbeats of nodes are listed: %v: %s", err, out)
	}
	f.says([]string{"ls"}, kubeLease, "vacant")
}

// TestRealKine: the same on kine, the etcd of k3s, which has no leases.
func TestRealKine(t *testing.T) {
	if !*withReal {
		t.Skip("run with -real")
	}
	path := goProgram(t, "kine", "github.com/k3s-io/kine", "github.com/k3s-io/kine@v0.17.5")
	address := etcdtest.FreeAddr(t)
	kine := exec.Command(path, "--listen-address", address, "--metrics-bind-address", "0", "--endpoint", "sqlite://kine.db?_journal=WAL&cache=shared")
	kine.Dir = t.TempDir()
	u := newUser(t, "--endpoints", address)
	u.startOther(kine).until("Kine available at")
	write := kubernetes(t, address)
	ui, watch := u.terminal(), u.start("watch")
	watch.until("snapshot")
	ui.WaitToShow("connected")
	kubeLeases(u, write)
	watch.until("granted", kubeLease, "node-a_1")
	ui.WaitToShow("kube-scheduler", "vacant")
	write(kubeLease, "node-c_3")
	ui.WaitToShow("kube-scheduler", "node-c_3")
	u.says([]string{"ls", "--rev", "3..6"}, kubeLease)
	u.says([]string{"show", kubeLease, "--history"}, "granted", "node-a_1")
	u.says([]string{"why"}, "lock")
	u.says([]string{"layouts"}, "kubernetes-lease\trecord\t1")
	u.says([]string{"access", "--check"}, "list locks\tyes", "look up leases\tno", "has no leases")
	u.says([]string{"--lock-keys", kubeLease + "-x", "ls"}, kubeLease)
	refused := u.start("exec", "/x", "--", "true")
	refused.exits(1)
	if said := refused.said.String(); strings.Count(said, "has no leases") != 1 {
		t.Errorf("exec: %s", said)
	}
	u.says([]string{"--lock-keys", "/registry/leases/kube-node-lease/*", "ls"}, kubeLease)
	ui.Press("q")
	if err := ui.Wait(); err != nil {
		t.Error(err)
	}
	watch.stop(syscall.SIGTERM)
}
