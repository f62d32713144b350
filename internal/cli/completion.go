package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"etcd-lock/internal/cli/contexts"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/printable"
)

// newCompletionCmd replaces cobra's own command, which prints its help for an
// unknown shell and exits with 0.
func newCompletionCmd() *cobra.Command {
	return &cobra.Command{
		Annotations: map[string]string{offline: ""},
		Use:         "completion bash|zsh|fish|powershell",
		Short:       "Print a shell script that completes commands, flags and lock names",
		Long: `Prints a completion script. To load it in the current shell:

  bash        source <(etcd-lock completion bash)
  zsh         source <(etcd-lock completion zsh)
  fish        etcd-lock completion fish | source
  powershell  etcd-lock completion powershell | Out-String | Invoke-Expression`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			return runResult(completion(cmd.Root(), args[0]))
		},
	}
}

func completion(root *cobra.Command, shell string) error {
	out := root.OutOrStdout()
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(out, true)
	case "zsh":
		return root.GenZshCompletion(out)
	case "fish":
		return root.GenFishCompletion(out, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(out)
	default:
		return usagef("unknown shell %q", shell)
	}
}

// completeNames completes the names of locks. It ignores errors: a shell has no
// place to print them.
func completeNames(a *app) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		const nothing = cobra.ShellCompDirectiveNoFileComp
		// Cobra has parsed the flags of the line that is being completed.
		if len(args) > 0 || a.resolve(cmd.Context(), cmd.Flags(), a.Getenv) != nil || a.connection.Embedded {
			return nil, nothing
		}
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		var names []string
		for _, of := range contexts.Answered(contexts.Ask(ctx, a.quietly(), func(ctx context.Context, _ contexts.Member, c *connect.Conn) ([]string, error) {
			return lockNames(ctx, c, typed)
		})) {
			names = append(names, of.Doc...)
		}
		slices.Sort(names)
		return slices.Compact(names), nothing
	}
}

// quietly are the contexts of a command, or the one etcd that it is about, of which nothing
// is asked or said at the terminal.
func (g *globals) quietly() []contexts.Member {
	of := g.several
	if of == nil {
		of = []*globals{g}
	}
	var all []contexts.Member
	for _, one := range of {
		one.connection.AskPassword, one.connection.Warn = nil, func(string) {}
		all = append(all, contexts.Member{Connect: one.connect})
	}
	return all
}

// completeContexts completes the names of contexts, the last one where several are typed.
func completeContexts(a *app) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		if a.configure(cmd.Context(), cmd.Flags(), a.Getenv) != nil && len(a.config.Contexts) == 0 { // what is typed is no context yet
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		before := typed[:strings.LastIndex(typed, ",")+1]
		var names []string
		for _, name := range a.config.Names() {
			if !slices.Contains(strings.Split(before, ","), name) {
				names = append(names, before+name)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

func lockNames(ctx context.Context, c *connect.Conn, prefix string) ([]string, error) {
	snapshot, err := c.Snapshot(ctx, 0, prefix)
	if errors.Is(err, rpctypes.ErrPermissionDenied) {
		var r connect.Reach
		if r, err = c.Reach(ctx, nil); err == nil {
			snapshot, err = c.Snapshot(ctx, 0, r.Prefixes...)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("complete: %w", err)
	}
	var names []string
	for _, l := range snapshot.Locks {
		// A name that is not printable cannot be typed in a shell.
		if strings.HasPrefix(l.ID.Name, prefix) && printable.Text(l.ID.Name) == l.ID.Name {
			names = append(names, l.ID.Name)
		}
	}
	return names, nil
}

// completeExec completes lock names before the dash, and leaves what comes after
// it to the shell.
func completeExec(a *app) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		if slices.Contains(a.Args, "--") {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return completeNames(a)(cmd, nil, typed)
	}
}
