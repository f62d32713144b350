package cli

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"etcd-lock/internal/cli/contexts"
	"etcd-lock/internal/cli/doctor"
	"etcd-lock/internal/cli/output"
)

// versionOptions are the options of version.
type versionOptions struct {
	out   output.Printer
	build func() (*debug.BuildInfo, bool)
}

func newVersionCmd(a *app, runF func(*versionOptions) error) *cobra.Command {
	if runF == nil {
		runF = versionRun
	}
	return &cobra.Command{
		Annotations: map[string]string{offline: ""},
		Use:         "version",
		Short:       "Print the version and build information",
		Long: `Prints the version, the commit and the Go version that this program was built from.

With -o json: version, commit, time (of the commit), modified (the sources had
uncommitted changes), go, platform. Unknown values are empty.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return runResult(runF(&versionOptions{out: a.printer(), build: debug.ReadBuildInfo}))
		},
	}
}

const doctorLong = `Checks what etcd-lock needs: the terminal and its locale, the connection to etcd, the
versions, alarms and clocks of its members, and what the user may do below PREFIX. It
writes nothing to etcd. Paste what it prints into a bug report: it has names of hosts
and users in it, but no password and no token.

The exit code is 1 if a check has failed.

With -o json:
  healthy             whether no check has failed
  checks              each:
    check             what was checked
    state             ok, warning, failed or unknown
    text              what there is
    hint              what helps, or what it means; absent when there is nothing to say`

func newDoctorCmd(a *app, runF func(context.Context, *doctor.Options) (bool, error)) *cobra.Command {
	if runF == nil {
		runF = doctor.Run
	}
	return &cobra.Command{
		Use:   "doctor [PREFIX]",
		Short: "Check the terminal, the connection, etcd and your permissions",
		Long:  doctorLong,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts := &doctor.Options{
				Version: newVersionDoc(debug.ReadBuildInfo()).String(), Prefix: strings.Join(args, ""),
				Terminal: a.terminal(), Connection: a.connection, Rules: a.rules, Connect: a.connect, Out: a.printer(),
			}
			for _, name := range contexts.FromEnv() {
				if a.Getenv(contexts.EnvName(name)) != "" {
					opts.Variables = append(opts.Variables, contexts.EnvName(name))
				}
			}
			healthy, err := runF(cmd.Context(), opts)
			if err == nil && !healthy {
				err = exitError{code: exitFailed}
			}
			return runResult(err)
		},
	}
}

// terminal describes the terminal that the program runs in.
func (a *app) terminal() doctor.Terminal {
	t := doctor.Terminal{Is: output.IsTerminal(a.Out), Kind: a.Getenv("TERM"), NoColor: a.noColor(), Unicode: isUnicode(a.Getenv)}
	t.Width, t.Height = output.TerminalSize(a.Out)
	var within []string
	for _, known := range [][2]string{{"TMUX", "tmux"}, {"STY", "screen"}, {"SSH_CONNECTION", "ssh"}} {
		if a.Getenv(known[0]) != "" {
			within = append(within, known[1])
		}
	}
	t.Within = strings.Join(within, " and ")
	if name, value := locale(a.Getenv); name != "" {
		t.Locale = name + "=" + value
	}
	return t
}

type versionDoc struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Time     string `json:"time"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func versionRun(opts *versionOptions) error {
	doc := newVersionDoc(opts.build())
	if opts.out.Format == output.JSON {
		return opts.out.Document(doc)
	}
	_, err := fmt.Fprintln(opts.out, doc)
	return err
}

func newVersionDoc(info *debug.BuildInfo, ok bool) versionDoc {
	doc := versionDoc{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if !ok {
		return doc
	}
	if info.Main.Version != "" {
		doc.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			doc.Commit = s.Value
		case "vcs.time":
			doc.Time = s.Value
		case "vcs.modified":
			doc.Modified = s.Value == "true"
		}
	}
	return doc
}

// String returns the version as one line.
func (d versionDoc) String() string {
	s := "etcd-lock " + d.Version
	if d.Commit != "" {
		s += " (" + d.Commit
		if d.Modified {
			s += ", modified"
		}
		s += ", " + d.Time + ")"
	}
	return s + " " + d.Go + " " + d.Platform
}
