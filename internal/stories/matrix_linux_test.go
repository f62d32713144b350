package stories

import (
	"flag"
	"os"
	"os/exec"
	"testing"
	"time"
)

var matrix = flag.Duration("matrix", 0, "soak the locks for so long on servers of each version, and on a cluster that is upgraded")

// TestMatrix soaks the locks on clusters of servers of each minor version, and while members
// become another version, one after the other.
func TestMatrix(t *testing.T) {
	if *matrix == 0 {
		t.Skip("run with -matrix")
	}
	for _, tt := range []struct{ server, upgrade string }{
		{server: "3.4.23"}, {server: "3.5.35"}, {server: "3.6.1"}, {server: "3.6.9"}, {server: "3.6.16"}, {server: "3.7.3"},
		{"3.6.16", "3.7.3"},
	} {
		name := tt.server
		if tt.upgrade != "" {
			name += " to " + tt.upgrade
		}
		t.Run(name, func(t *testing.T) {
			args := []string{"test", "-count=1", "-v", "-timeout", (*matrix + 10*time.Minute).String(), "../../rwlock", "-run", "^TestSoak$",
				"-soak", matrix.String(), "-server", server(t, tt.server)}
			if tt.upgrade != "" {
				args = append(args, "-upgrade", server(t, tt.upgrade))
			}
			cmd := exec.CommandContext(t.Context(), "go", args...)
			cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
			if err := cmd.Run(); err != nil {
				t.Error(err)
			}
		})
	}
}
