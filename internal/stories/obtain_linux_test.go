package stories

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var withReal = flag.Bool("real", false, "obtain programs that keep locks in etcd, and test what is said of them")

// goProgram builds a program from modules, which are pinned, in a module of its own. Its
// source is in testdata/real, or it is the command pkg of one of them.
func goProgram(t *testing.T, name, pkg string, modules ...string) (path string) {
	t.Helper()
	path = filepath.Join(binDir, name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	dir := t.TempDir()
	mod := "module program\n\ngo 1.21\n"
	for _, m := range modules {
		mod += "\nrequire " + strings.Replace(m, "@", " ", 1) + "\n"
	}
	err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), 0o600)
	if source, readErr := os.ReadFile(filepath.Join("testdata/real", name, "main.go")); pkg == "." && err == nil {
		err = errors.Join(readErr, os.WriteFile(filepath.Join(dir, "main.go"), source, 0o600))
	}
	if err == nil {
		err = run(dir, "go", "build", "-mod=mod", "-o", path, pkg)
	}
	tallies.programs.had(t, modules[0], err)
	return path
}

// debs makes packages of Debian usable without installing them, unless they are: it
// unpacks them and those that they need below a folder. It returns what finds them: the
// environment of a command, and the root folders.
func debs(t *testing.T, packages ...string) (env, roots []string) {
	t.Helper()
	env, roots = os.Environ(), []string{"/"}
	root := filepath.Join(binDir, packages[0])
	err := unpackMissing(root, packages)
	tallies.programs.had(t, packages[0], err)
	if _, err := os.Stat(root); err == nil {
		lib := filepath.Join(root, "usr/lib")
		libs, _ := filepath.Glob(filepath.Join(lib, "*-linux-gnu*"))
		env = append(env, "PYTHONPATH="+filepath.Join(lib, "python3/dist-packages"), "LD_LIBRARY_PATH="+strings.Join(libs, ":"))
		roots = append([]string{root}, roots...)
	}
	return env, roots
}

// unpackMissing unpacks packages that are not installed, and what they need, below root.
func unpackMissing(root string, packages []string) error {
	missing := false
	for _, p := range packages {
		out, err := exec.Command("dpkg-query", "-W", "-f", "${db:Status-Status}", p).Output()
		missing = missing || err != nil || string(out) != "installed"
	}
	if _, err := os.Stat(root); err == nil || !missing {
		return nil
	}
	archives := root + "-archives"
	defer func() { _ = os.RemoveAll(archives) }()
	if err := os.MkdirAll(filepath.Join(archives, "partial"), 0o755); err != nil {
		return err
	}
	args := []string{"-o", "Dir::Cache::archives=" + archives, "-o", "Debug::NoLocking=1", "--no-install-recommends", "--yes", "--download-only", "install"}
	if err := run(archives, "apt-get", append(args, packages...)...); err != nil {
		return fmt.Errorf("%w (apt-get update may help)", err)
	}
	files, err := filepath.Glob(filepath.Join(archives, "*.deb"))
	if err == nil && len(files) == 0 {
		err = errors.New("nothing was downloaded")
	}
	for _, file := range files {
		err = errors.Join(err, run(archives, "dpkg-deb", "-x", file, root))
	}
	return err
}

// npm installs a package of npm in a folder, which it returns.
func npm(t *testing.T, pkg string) (dir string) {
	t.Helper()
	dir = filepath.Join(binDir, "npm")
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = run(dir, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", pkg)
	}
	tallies.programs.had(t, pkg, err)
	return dir
}
