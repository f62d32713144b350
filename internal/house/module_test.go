package house

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// root is the top of the repository, as seen from this package.
const root = "../.."

// A module of somebody else's uses the public packages, today by a replacement
// and under whatever name the module gets.
func TestConsumer(t *testing.T) {
	t.Run("Replaced", func(t *testing.T) {
		top, err := filepath.Abs(root)
		if err != nil {
			t.Fatal(err)
		}
		dir := buildConsumer(t, strings.TrimSpace(run(t, top, "go", "list", "-m")), top)
		wantFewModules(t, dir)
	})
	t.Run("Renamed", func(t *testing.T) {
		if runtime.GOOS != "linux" {
			t.Skip("make module needs bash and GNU sed")
		}
		const name = "example.com/you/etcd-lock"
		tree := filepath.Join(t.TempDir(), "tree")
		copyTree(t, tree)
		run(t, tree, "bash", ".ci/module", name)
		run(t, tree, "go", "list", "-deps", "-test", "./...") // which resolves all imports
		if out := run(t, tree, "gofmt", "-l", "."); out != "" {
			t.Errorf("not formatted after the renaming: %s", out)
		}
		wantRenamed(t, tree, name)
		buildConsumer(t, name, tree)
	})
}

// wantFewModules fails unless a program that uses package rwlock is built from the modules of
// etcd's client, this one, and no more than one other one: no server, no terminal UI, and none
// of what hooks need that it does not import.
func wantFewModules(t *testing.T, dir string) {
	t.Helper()
	modules := func(packages ...string) map[string]bool {
		all := map[string]bool{}
		for _, m := range strings.Fields(run(t, dir, "go", append([]string{"list", "-mod=mod", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}"}, packages...)...)) {
			all[m] = true
		}
		return all
	}
	client := modules("go.etcd.io/etcd/client/v3/concurrency")
	for _, pkg := range []struct {
		path string
		more int
	}{
		{"etcd-lock/rwlock", 2}, // and google/uuid
		{"etcd-lock/rwlock/slogrwlock", 2},
		{"etcd-lock/rwlock/rwlocktest", 1},
		{"etcd-lock/rwlock/otelrwlock", 5},
		{"etcd-lock/rwlock/promrwlock", 10},
	} {
		if got := modules(pkg.path); len(got) > len(client)+pkg.more {
			for m := range client {
				delete(got, m)
			}
			t.Errorf("%s needs more than %d modules besides those of etcd's client: %v", pkg.path, pkg.more, got)
		}
	}
}

// wantRenamed fails where tree still imports its packages by a name other than
// name, in code, in the linters' rules or in a text.
func wantRenamed(t *testing.T, tree, name string) {
	t.Helper()
	imports := regexp.MustCompile(`[\w./-]*etcd-lock/(rwlock|simulate|tui|internal|sample)\b`)
	for _, file := range textFiles(t, tree) {
		text, err := os.ReadFile(filepath.Join(tree, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range imports.FindAllString(string(text), -1) {
			if !strings.HasPrefix(path, name+"/") {
				t.Errorf("%s still says %s", file, path)
			}
		}
	}
}

// textFiles are the files below top in which an import path can be written, as
// paths from there.
func textFiles(t *testing.T, top string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch filepath.Ext(path) {
		case ".go", ".mod", ".md", ".yml":
			rel, err := filepath.Rel(top, path)
			files = append(files, rel)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// consumer is a program of somebody else's.
const consumer = `package main

import (
	"context"
	"log"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"MODULE/rwlock"
	"MODULE/simulate"
)

func main() {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{"127.0.0.1:2379"}})
	if err != nil {
		log.Fatal(err)
	}
	session, err := rwlock.NewSession(context.Background(), client, time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	m := session.NewRWMutex("/a")
	clock, err := simulate.NewClock(1)
	log.Print(m.RLock(context.Background()), m.Unlock(), clock, err)
}
`

// buildConsumer compiles a module that has ours, called name, replaced by the one
// at top, and returns its folder. It needs nothing that the tests have not fetched, so it
// requires all that we do by name: otherwise Go would look for that in the requirements of
// modules of which the tests need nothing. A renamed module is compiled anew each time:
// nothing is optimized or linked.
func buildConsumer(t *testing.T, name, top string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, file := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(top, file))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, file), string(text))
	}
	write(t, filepath.Join(dir, "main.go"), strings.ReplaceAll(consumer, "MODULE", name))
	run(t, dir, "go", "mod", "edit", "-module", "example.com/consumer", "-require", name+"@v0.0.0", "-replace", name+"="+top)
	run(t, dir, "go", "list", "-export", "-mod=mod", "-gcflags="+name+"/...=-N -l", ".")
	return dir
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs a command without the network.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// copyTree copies the repository without its history and what was built in it.
func copyTree(t *testing.T, to string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.IsDir() && (rel == ".git" || rel == "bin") {
			return filepath.SkipDir
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}
