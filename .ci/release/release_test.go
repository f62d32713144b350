// Package release checks how a release is made, as far as that is cheap: make release does
// it.
package release

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goreleaser/goreleaser/v2/pkg/config"
)

const root = "../.."

// TestConfig: goreleaser knows the fields, and what is packed exists or is made before.
func TestConfig(t *testing.T) {
	c, err := config.Load("goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, archive := range c.Archives {
		for _, file := range archive.Files {
			files = append(files, file.Source)
		}
	}
	for _, pkg := range c.NFPMs {
		files = append(files, pkg.Scripts.PostInstall, pkg.Scripts.PreRemove, pkg.Scripts.PostRemove)
		for _, content := range pkg.Contents {
			files = append(files, content.Source)
		}
	}
	for _, file := range files {
		if strings.HasPrefix(file, "bin/package/") {
			continue
		}
		if found, err := filepath.Glob(filepath.Join(root, file)); err != nil || len(found) == 0 {
			t.Errorf("%s does not exist", file)
		}
	}
	if len(c.Builds) != 2 || c.Builds[0].Ldflags[0] != c.Builds[1].Ldflags[0] {
		t.Errorf("the builds differ: %+v", c.Builds)
	}
}

// TestVariables: run sets the variables that the configuration has.
func TestVariables(t *testing.T) {
	text, err := os.ReadFile("goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("run")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\.Env\.(\w+)`).FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(string(script), "\n"+m[1]+"=") {
			t.Errorf("run does not set %s", m[1])
		}
	}
}
