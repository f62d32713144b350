//go:build !unix

package cli

import "context"

func (*execOptions) run(context.Context, string) error {
	return usagef("exec needs a Unix: it rules its command by process groups and signals")
}
