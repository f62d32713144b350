package stories

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"etcd-lock/internal/cluster"
	"etcd-lock/internal/etcdtest"
)

var withServers = flag.Bool("servers", false, "obtain servers of several versions, and test on them")

// versions are the servers, from each minor version one with known faults and one without
// those that are mended.
var versions = []string{"3.4.23", "3.5.0", "3.5.7", "3.5.35", "3.6.4", "3.6.16", "3.7.0", "3.7.3"}

// debian has the versions that are no Go modules.
var debian = map[string]bool{"3.4.23": true}

// tally counts what has run, and what was skipped for want of it.
type tally struct {
	sync.Mutex
	ran     []string
	skipped []string
}

// servers and programs are counted apart.
var tallies = struct{ servers, programs tally }{}

// had notes that something has run, or skips the test if it cannot be had.
func (c *tally) had(t *testing.T, what string, err error) {
	t.Helper()
	c.Lock()
	defer c.Unlock()
	if err != nil {
		if why := what + ": " + err.Error(); !slices.Contains(c.skipped, why) {
			c.skipped = append(c.skipped, why)
		}
		t.Skip(err)
	}
	if !slices.Contains(c.ran, what) {
		c.ran = append(c.ran, what)
	}
}

func (c *tally) print(what string) {
	fmt.Printf("%d of %d %s ran: %s\n", len(c.ran), len(c.ran)+len(c.skipped), what, strings.Join(c.ran, ", "))
	for _, s := range c.skipped {
		fmt.Println("skipped", s)
	}
}

func TestMain(m *testing.M) {
	cluster.Main() // in a child process, this is etcd
	flag.Parse()
	dir, err := os.MkdirTemp("", "etcd-lock-stories-*")
	if err == nil {
		err = os.Chmod(dir, 0o755) // PostgreSQL runs as another user
	}
	if err != nil {
		panic(err)
	}
	binDir = dir
	m.Run()
	_ = os.RemoveAll(dir)
	if *withServers {
		tallies.servers.print("servers")
	}
	if *withReal {
		tallies.programs.print("programs")
	}
}

// binDir has the program.
var binDir string

// program builds the program and returns its path.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(binDir, "etcd-lock")
	out, err := exec.Command("go", "build", "-o", path, "../..").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return path, err
})

// server returns the path of an etcd of that version. If there is none, the test is
// skipped.
func server(t *testing.T, version string) string {
	t.Helper()
	path, err := obtain("etcd", version)
	tallies.servers.had(t, version, err)
	return path
}

// restorer returns the path of the program that restores snapshots for that version: of the
// newest release of its minor version.
func restorer(t *testing.T, version string) string {
	t.Helper()
	program := "etcdutl"
	if debian[version] {
		program = "etcdctl"
	}
	for _, v := range versions { // in their order
		if v[:4] == version[:4] {
			version = v
		}
	}
	path, err := obtain(program, version)
	tallies.servers.had(t, program+" "+version, err)
	return path
}

// obtain returns the path of a program of etcd of that version, and builds or unpacks it the
// first time.
func obtain(program, version string) (path string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	path = filepath.Join(cache, "etcd-lock-servers", program+"-"+version)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "etcd-lock-server-*")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if debian[version] {
		err = unpack(dir, program, version, path)
	} else {
		err = build(dir, program, version, path)
	}
	return path, err
}

// unpack takes a program out of Debian's package, which it does not install.
func unpack(dir, program, version, path string) error {
	name := map[string]string{"etcd": "etcd-server", "etcdctl": "etcd-client"}[program]
	if err := run(dir, "apt-get", "download", name+"="+version+"*"); err != nil {
		return err
	}
	packages, _ := filepath.Glob(filepath.Join(dir, "*.deb"))
	if len(packages) != 1 {
		return errors.New("no package of Debian")
	}
	if err := run(dir, "dpkg-deb", "-x", packages[0], "files"); err != nil {
		return err
	}
	return os.Rename(filepath.Join(dir, "files/usr/bin", program), path)
}

// build builds a program from its module, in a module of its own: go install does not take one
// with replacements.
func build(dir, program, version, path string) error {
	module, pkg := "go.etcd.io/etcd/server/v3", "."
	if program != "etcd" {
		module, pkg = "go.etcd.io/etcd/"+program+"/v3", "go.etcd.io/etcd/"+program+"/v3"
	}
	err := errors.Join(
		os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module server\n\ngo 1.21\n\nrequire "+module+" v"+version+"\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nimport (\n\t\"os\"\n\n\t\"go.etcd.io/etcd/server/v3/etcdmain\"\n)\n\nfunc main() { etcdmain.Main(os.Args) }\n"), 0o600),
	)
	if err != nil {
		return err
	}
	return run(dir, "go", "build", "-mod=mod", "-o", path, pkg)
}

func run(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("%s: %w: %s", name, err, lines[len(lines)-1])
	}
	return nil
}

// startServer runs an etcd of its own until the test ends, and returns its endpoint.
func startServer(t *testing.T, path string, flags ...string) (endpoint string) {
	t.Helper()
	return etcdtest.StartServers(t, 1, []string{path}, func(o *cluster.Options) { o.Flags = flags }).Members[0].Endpoint
}
