package contexts

import (
	"context"
	"strings"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/config"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/format"
)

// Check prints what is in a file, or what is wrong with it.
func Check(ctx context.Context, out output.Printer, path string) error {
	f, err := config.Load(ctx, path, true)
	if err == nil {
		err = CheckKeys(f)
	}
	if err != nil {
		return &connect.OptionError{Err: err}
	}
	contexts := format.Count(len(f.Contexts), "context", "contexts")
	if len(f.Contexts) > 0 {
		contexts += " (" + strings.Join(f.Names(), ", ") + ")"
	}
	return out.Line(output.Cell{Text: path + ": " + strings.Join([]string{
		contexts, format.Count(len(f.Keys), "key", "keys"), format.Count(len(f.Commands), "command", "commands"),
	}, ", ")})
}
