package layouts

import (
	"context"
	"strings"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/format"
	"etcd-lock/internal/interrupt"
	"etcd-lock/internal/layout"
)

// Check prints which layouts are in files, or what is wrong with one.
func Check(ctx context.Context, out output.Printer, files []string) error {
	for _, file := range files {
		rules, err := interrupt.Await(ctx, func() ([]*layout.Rule, error) { return layout.ReadFile(file) })
		if err == nil {
			_, err = layout.With(rules...)
		}
		switch {
		case ctx.Err() != nil:
			return err
		case err != nil:
			return &connect.OptionError{Err: err}
		}
		var names []string
		for _, r := range rules {
			names = append(names, r.Name)
		}
		if err := out.Line(output.Cell{Text: file + ": " + format.Count(len(rules), "layout", "layouts") + ": " + strings.Join(names, ", ")}); err != nil {
			return err
		}
	}
	return nil
}
