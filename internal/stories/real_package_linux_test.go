package stories

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"etcd-lock/internal/ptytest"
)

// maxProgram bounds the size of the released program in bytes.
const maxProgram = 37_800_000

// chroot is a folder with nothing but Debian and what makes man, completion and units work.
type chroot struct {
	*testing.T
	root string
}

// TestRealPackage: the package is made from the last commit, installed in a new Debian, used
// and removed, and leaves nothing.
func TestRealPackage(t *testing.T) {
	if !*withReal {
		t.Skip("run with -real")
	}
	deb := packed(t, "*.deb")
	d := newDebian(t)
	before := d.files()
	name := filepath.Join("/tmp", filepath.Base(deb))
	data, err := os.ReadFile(deb)
	if err == nil {
		err = os.WriteFile(d.root+name, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	d.run("dpkg", "--install", name)
	d.uses()
	d.run("dpkg", "--purge", "etcd-lock")
	d.run("rm", name)
	for file := range d.files() {
		if !before[file] {
			t.Errorf("is left: %s", file)
		}
	}
}

// uses checks what the package has brought.
func (d chroot) uses() {
	d.Helper()
	if info, err := os.Stat(filepath.Join(d.root, "usr/bin/etcd-lock")); err != nil || info.Size() > maxProgram {
		d.Errorf("the program is of %d bytes, more than %d; %v", info.Size(), maxProgram, err)
	}
	d.says("etcd-lock v", "etcd-lock", "version")
	d.says("Record locks over time", "man", "etcd-lock-record")
	d.says("linked with", "cat", "/usr/share/doc/etcd-lock/THIRD_PARTY_LICENSES")
	d.says("record", "bash", "-c", `. /usr/share/bash-completion/bash_completion
__load_completion etcd-lock
COMP_WORDS=(etcd-lock rec) COMP_CWORD=1 COMP_LINE="etcd-lock rec" COMP_POINT=13
__start_etcd-lock
echo "${COMPREPLY[@]}"`)
	d.run("systemd-analyze", "verify", "etcd-lock-record.service", "etcd-lock-export.service")
	terminal := ptytest.Start(d, d.command("etcd-lock", "demo"), 100, 30)
	terminal.WaitToShow("/inventory/")
	terminal.Press("q")
	if err := terminal.Wait(); err != nil {
		d.Error(err)
	}
}

// packed returns a file of the release of the last commit, which is made in a copy, since
// a release replaces what is in dist. The test is skipped where it cannot be made.
func packed(t *testing.T, pattern string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "etcd-lock")
	var err error
	if runtime.GOARCH != "amd64" {
		err = errors.New("the release is made for amd64")
	} else {
		err = run(".", "git", "clone", "-q", "../..", dir)
	}
	tallies.programs.had(t, "etcd-lock's package", err)
	cmd := exec.Command(".ci/release/run")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "LINUX_AMD64_ONLY=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "dist", pattern))
	if err != nil || len(files) != 1 {
		t.Fatalf("%s: %q, %v", pattern, files, err)
	}
	return files[0]
}

// newDebian makes a Debian in a folder.
func newDebian(t *testing.T) chroot {
	t.Helper()
	env, roots := debs(t, "mmdebstrap")
	d := chroot{t, filepath.Join(t.TempDir(), "debian")}
	// In a namespace of its own, so that what it mounts ends with it.
	cmd := exec.Command("unshare", "--mount", filepath.Join(roots[0], "usr/bin/mmdebstrap"), "--mode=root", "--variant=essential", "--quiet",
		"--include=man-db,bash-completion,systemd", `--aptopt=APT::Install-Recommends "false"`, "bookworm", d.root)
	cmd.Env = env
	var err error
	if os.Geteuid() != 0 {
		err = errors.New("only root may change the root folder")
	} else if out, runErr := cmd.CombinedOutput(); runErr != nil {
		err = fmt.Errorf("%w: %s", runErr, out)
	}
	tallies.programs.had(t, "a new Debian", err)
	return d
}

// command returns a command that runs in the folder as if it were the root, with a /proc
// that ends with it.
func (d chroot) command(args ...string) *exec.Cmd {
	const script = `mount -t proc proc "$0/proc" && mount -t tmpfs tmpfs "$0/run" && ln -sfT /proc/self/fd "$0/dev/fd" && exec chroot "$0" "$@"`
	cmd := exec.Command("unshare", append([]string{"--mount", "sh", "-c", script, d.root}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm-256color", "LC_ALL=C.UTF-8", "HOME=/root"}
	return cmd
}

func (d chroot) run(args ...string) string {
	d.Helper()
	out, err := d.command(args...).CombinedOutput()
	if err != nil {
		d.Errorf("%q: %v: %s", args, err, out)
	}
	return string(out)
}

func (d chroot) says(text string, args ...string) {
	d.Helper()
	if out := d.run(args...); !strings.Contains(out, text) {
		d.Errorf("%q does not say %q: %s", args, text, out)
	}
}

// files returns the files of the folder, but for logs and what is kept to be fast.
func (d chroot) files() map[string]bool {
	d.Helper()
	all := map[string]bool{}
	err := filepath.WalkDir(d.root, func(path string, _ fs.DirEntry, err error) error {
		name := strings.TrimPrefix(path, d.root)
		if name == "/var/cache" || name == "/var/log" || name == "/var/lib/dpkg" || name == "/dev" || name == "/tmp" {
			return fs.SkipDir
		}
		all[name] = true
		return err
	})
	if err != nil {
		d.Fatal(err)
	}
	return all
}

// TestRealImage: the images of the program and of the sample are built and run, where a
// Docker Engine answers.
func TestRealImage(t *testing.T) {
	if !*withReal {
		t.Skip("run with -real")
	}
	out, err := exec.Command("docker", "version", "--format", "{{.Server.Version}}").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("no Docker Engine answers: %w: %s", err, bytes.TrimSpace(out))
	}
	tallies.programs.had(t, "container images", err)
	const image = "etcd-lock-story"
	docker := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("docker", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("docker %q: %v: %s", args, err, out)
		}
		return string(out)
	}
	for _, file := range []string{"sample/Dockerfile", ".ci/release/Dockerfile"} {
		docker("build", "-f", filepath.Join("../..", file), "-t", image, "../..")
		defer func() { _ = exec.Command("docker", "rmi", "-f", image).Run() }()
	}
	if said := docker("run", "--rm", "--read-only", image, "version"); !strings.Contains(said, "etcd-lock") {
		t.Errorf("version: %s", said)
	}
	if said := docker("run", "--rm", "--read-only", "--tmpfs", "/tmp", image, "simulate", "run", "four-clients", "--embedded"); !strings.Contains(said, "released rlock for r4") {
		t.Errorf("simulate: %s", said)
	}
}
