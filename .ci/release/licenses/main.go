// Command licenses writes the licences of all that etcd-lock is linked with, on every
// platform: a table, and their texts. It fails if one is unknown or restricts what may be
// done with the program.
//
//	go run -C .ci/release ./licenses ../.. FILE
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/google/go-licenses/v2/licenses"
	"k8s.io/klog/v2"
)

// library is packages under one licence.
type library struct{ name, version, license, text string }

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: licenses ROOT FILE")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "licenses:", err)
		os.Exit(1)
	}
}

func run(root, file string) error {
	klog.LogToStderr(false) // it warns of assembly
	klog.SetOutput(io.Discard)
	if err := os.Chdir(root); err != nil {
		return err
	}
	all, err := collect([]string{"linux", "darwin", "windows"})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(report(all)), 0o644)
}

// collect returns the libraries that the program has on these systems.
func collect(systems []string) ([]library, error) {
	classifier, err := licenses.NewClassifier()
	if err != nil {
		return nil, err
	}
	goLicense, err := ofGo()
	if err != nil {
		return nil, err
	}
	found := map[string]library{"": goLicense}
	for _, system := range systems {
		if err := os.Setenv("GOOS", system); err != nil {
			return nil, err
		}
		libs, err := licenses.Libraries(context.Background(), classifier, false, nil, ".")
		if err != nil {
			return nil, err
		}
		for _, lib := range libs {
			l, libErr := read(lib)
			err = errors.Join(err, libErr)
			found[lib.LicenseFile] = l
		}
		if err != nil {
			return nil, err
		}
	}
	var all []library
	for _, l := range found {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b library) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.text, b.text)) })
	return all, nil
}

// ofGo returns the standard library.
func ofGo() (library, error) {
	out, err := exec.Command("go", "env", "GOROOT", "GOVERSION").Output()
	if err != nil {
		return library{}, err
	}
	root, version, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	text, err := os.ReadFile(filepath.Join(root, "LICENSE"))
	return library{"Go's standard library", version, "BSD-3-Clause", string(text)}, err
}

func read(lib *licenses.Library) (library, error) {
	l := library{name: lib.Name(), version: lib.Version()}
	if len(lib.Licenses) == 0 {
		return l, fmt.Errorf("%s: no licence is known", l.name)
	}
	var names []string
	for _, license := range lib.Licenses {
		switch license.Type {
		case licenses.Notice, licenses.Permissive, licenses.Unencumbered, licenses.Reciprocal:
		default:
			return l, fmt.Errorf("%s: licence %s is %s", l.name, license.Name, license.Type)
		}
		names = append(names, license.Name)
	}
	slices.Sort(names)
	l.license = strings.Join(names, ", ")
	text, err := os.ReadFile(lib.LicenseFile)
	l.text = string(text)
	return l, err
}

func report(all []library) string {
	var b strings.Builder
	b.WriteString("etcd-lock is linked with the following, on one platform or another.\n\n")
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, l := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\n", l.name, cmp.Or(l.version, "-"), l.license)
	}
	_ = table.Flush()
	for _, l := range all {
		fmt.Fprintf(&b, "\n%[1]s\n%[2]s %[3]s (%[4]s)\n%[1]s\n\n%[5]s\n", strings.Repeat("-", 80), l.name, l.version, l.license, strings.TrimSpace(l.text))
	}
	return b.String()
}
