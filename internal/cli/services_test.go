package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	execStart   = regexp.MustCompile(`(?m)^ExecStart=/usr/bin/etcd-lock (.*)$`)
	environment = regexp.MustCompile(`(?m)^Environment="(\w+)=(.*)"$`)
	podArgs     = regexp.MustCompile(`(?m)^ +args: \[(.*)\]$`)
)

// TestServices: the units of systemd and the pods of Kubernetes run commands that exist,
// with flags that they have.
func TestServices(t *testing.T) {
	found := 0
	for _, pattern := range []string{"systemd/*.service", "kubernetes/*.yaml"} {
		files, err := filepath.Glob(filepath.Join("../../docs", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, args := range commandsOf(string(data)) {
				found++
				checkArgs(t, file, args)
			}
		}
	}
	if found != 4 {
		t.Errorf("found %d commands", found)
	}
}

// commandsOf returns the arguments of etcd-lock in a unit or a manifest.
func commandsOf(text string) (commands [][]string) {
	for _, m := range execStart.FindAllStringSubmatch(text, -1) {
		line := m[1]
		for _, variable := range environment.FindAllStringSubmatch(text, -1) {
			line = strings.ReplaceAll(line, "$"+variable[1], variable[2])
		}
		commands = append(commands, strings.Fields(line))
	}
	for _, m := range podArgs.FindAllStringSubmatch(text, -1) {
		commands = append(commands, strings.Fields(strings.NewReplacer(",", " ", `"`, "").Replace(m[1])))
	}
	return commands
}

func checkArgs(t *testing.T, file string, args []string) {
	t.Helper()
	cmd, rest, err := Commands().Find(args)
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err == nil {
		err = checkFilled(cmd)
	}
	if err != nil || !cmd.HasParent() {
		t.Errorf("%s: %q: %v", file, args, err)
	}
}
