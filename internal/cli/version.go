package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

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
		Use:   "version",
		Short: "Print the version and build information",
		Long: `Prints the version, the commit and the Go version that this program was built from.

With -o json: version, commit, time (of the commit), modified (the sources had
uncommitted changes), go, platform. Unknown values are empty.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return runResult(runF(&versionOptions{out: a.printer(), build: debug.ReadBuildInfo}))
		},
	}
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
