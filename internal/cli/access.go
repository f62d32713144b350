package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"etcd-lock/internal/access"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/narrate"
	"etcd-lock/internal/patrol"
	"etcd-lock/internal/printable"
)

const accessLong = `Prints the etcd roles for working with the locks whose keys begin with PREFIX, or
with all locks, as the etcdctl commands that create them: a viewer, an operator and
a tester. Comments say what each role can and cannot do. It does not connect to etcd.

With --check, it connects to etcd and prints what the user may do below PREFIX. It
does not write to etcd. What etcd gives no answer to, as a learner does and a cluster
that is corrupt, is unknown; the exit code is 0 for every answer.

With -o json:
  prefix, prefix_base64  as given; base64 only when it is not valid UTF-8
  roles                 each:
    name, about         of the role, and what it is for
    permission          read or readwrite, on all keys that begin with the prefix
    can, cannot         descriptions
    commands            create the role, in this order
    grant               command that grants it to USER

With --check -o json:
  prefix, prefix_base64  as given; base64 only when it is not valid UTF-8
  auth                  whether authentication is enabled; without it, everybody may
                        do everything
  auth_error            why that is unknown; otherwise absent
  user                  etcd user of this client; absent without a login
  roles                 of the user
  roles_error           why they are unknown; otherwise absent
  may_read, may_write   key ranges that the user has permissions on, each:
    key, range_end      as in etcd: without range_end the key alone, "\u0000" is no end
    key_base64, range_end_base64  only when not UTF-8
  actions               list locks, watch locks, look up leases, take locks, release locks:
    action, allowed     whether the user may do it on all keys below the prefix
    unknown             present if that is unknown; then the reason says why
    reason              absent when there is none
  findings              about etcd itself, as those of why: alarms, because of which it
                        refuses writes, members with known faults, and a proxy
  unknown               what could not be read, a sentence each`

// accessOptions are the options of access.
type accessOptions struct {
	prefix  string
	flags   cmdline.Flags                                // of the printed commands
	connect func(context.Context) (*connect.Conn, error) // nil without --check
	out     output.Printer
}

func newAccessCmd(a *app, runF func(context.Context, *accessOptions) error) *cobra.Command {
	if runF == nil {
		runF = accessRun
	}
	var check bool
	cmd := &cobra.Command{
		Use:   "access [PREFIX]",
		Short: "Print the etcd roles for working with locks, or check your permissions",
		Long:  accessLong,
		Example: `  etcd-lock access /jobs/ | sh
  etcd-lock access --check /jobs/ --user alice`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts := &accessOptions{flags: a.connection.Flags, out: a.printer()}
			if check {
				opts.connect = a.connect
			}
			if len(args) > 0 {
				opts.prefix = args[0]
			}
			return runResult(runF(cmd.Context(), opts))
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "connect to etcd and print what the user may do below PREFIX")
	return cmd
}

func accessRun(ctx context.Context, opts *accessOptions) error {
	if opts.connect != nil {
		return accessCheck(ctx, opts)
	}
	if opts.out.Format == output.JSON {
		return opts.out.Document(newRolesDoc(opts.flags, opts.prefix))
	}
	return writeRoles(opts.out, opts.flags, opts.prefix)
}

// writeRoles prints a shell script that creates the roles. Only the prefix comes
// from the user, and is quoted.
func writeRoles(w io.Writer, flags cmdline.Flags, prefix string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# The prefix is %s.", printable.Shell(prefix))
	switch {
	case prefix == "":
		b.WriteString(" It covers all keys, not only those of locks.")
	case !strings.HasSuffix(prefix, "/"):
		fmt.Fprintf(&b, " It does not end in /, so it covers %s too.", printable.Shell(prefix+"2"))
	}
	b.WriteString("\n")
	for _, r := range access.Roles() {
		fmt.Fprintf(&b, "\n# %s %s.\n# It can\n", r.Name, r.About)
		for _, s := range r.Can {
			fmt.Fprintf(&b, "#   - %s\n", s)
		}
		b.WriteString("# and cannot\n")
		for _, s := range r.Cannot {
			fmt.Fprintf(&b, "#   - %s\n", s)
		}
		for _, c := range r.Commands(flags, prefix) {
			b.WriteString(c + "\n")
		}
		fmt.Fprintf(&b, "# To grant it to a user: %s\n", r.Grant(flags))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// rolesDoc is what access prints as JSON; accessLong documents its fields.
type rolesDoc struct {
	Prefix       string    `json:"prefix"`
	PrefixBase64 string    `json:"prefix_base64,omitempty"`
	Roles        []roleDoc `json:"roles"`
}

type roleDoc struct {
	Name       string   `json:"name"`
	About      string   `json:"about"`
	Permission string   `json:"permission"`
	Can        []string `json:"can"`
	Cannot     []string `json:"cannot"`
	Commands   []string `json:"commands"`
	Grant      string   `json:"grant"`
}

func newRolesDoc(flags cmdline.Flags, prefix string) rolesDoc {
	doc := rolesDoc{Prefix: prefix, PrefixBase64: output.Base64(prefix)}
	for _, r := range access.Roles() {
		doc.Roles = append(doc.Roles, roleDoc{
			Name: r.Name, About: r.About, Permission: r.PermissionName(),
			Can: r.Can, Cannot: r.Cannot, Commands: r.Commands(flags, prefix), Grant: r.Grant(flags),
		})
	}
	return doc
}

func accessCheck(ctx context.Context, opts *accessOptions) error {
	c, err := opts.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	var report access.Report
	err = c.Do(ctx, func(ctx context.Context) error {
		report, err = access.Check(ctx, c.Client, c.User, opts.prefix)
		return err
	})
	if err != nil {
		return err
	}
	cluster, unknown := patrol.Cluster(ctx, c)
	doc := newCheckDoc(opts.prefix, c.User, report)
	doc.Unknown = append([]string{}, unknown...)
	for _, f := range cluster {
		doc.Findings = append(doc.Findings, newFindingDoc(f, narrate.Present, c.Flags, ""))
	}
	if opts.out.Format == output.JSON {
		return opts.out.Document(doc)
	}
	alarms, less := split(cluster, diagnose.Finding.IsAlarm)
	if err := writeFindings(opts.out, c.Flags, alarms); err != nil {
		return err
	}
	if err := opts.out.Line(output.Cell{Text: doc.who(report)}); err != nil {
		return err
	}
	if err := doc.table(opts.out); err != nil {
		return err
	}
	if err := writeFindings(opts.out, c.Flags, less); err != nil {
		return err
	}
	for _, u := range unknown {
		if err := opts.out.Sentences("", output.Cell{Text: "not known", Tone: output.Warning}, u); err != nil {
			return err
		}
	}
	return nil
}

// checkDoc is what access --check prints as JSON; accessLong documents its
// fields.
type checkDoc struct {
	Prefix       string        `json:"prefix"`
	PrefixBase64 string        `json:"prefix_base64,omitempty"`
	Auth         bool          `json:"auth"`
	AuthError    string        `json:"auth_error,omitempty"`
	User         string        `json:"user,omitempty"`
	Roles        []string      `json:"roles"`
	RolesError   string        `json:"roles_error,omitempty"`
	MayRead      []checkRange  `json:"may_read"`
	MayWrite     []checkRange  `json:"may_write"`
	Actions      []checkAction `json:"actions"`
	Findings     []findingDoc  `json:"findings"`
	Unknown      []string      `json:"unknown"`
}

type checkRange struct {
	Key       string `json:"key"`
	KeyBase64 string `json:"key_base64,omitempty"`
	End       string `json:"range_end,omitempty"`
	EndBase64 string `json:"range_end_base64,omitempty"`
}

type checkAction struct {
	Action  string `json:"action"`
	Allowed bool   `json:"allowed"`
	Unknown bool   `json:"unknown,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

func newCheckDoc(prefix, user string, r access.Report) checkDoc {
	doc := checkDoc{
		Prefix: prefix, PrefixBase64: output.Base64(prefix),
		Auth: r.Auth, User: user, Roles: append([]string{}, r.Grants.Roles...),
		MayRead: newCheckRanges(r.Grants.Read), MayWrite: newCheckRanges(r.Grants.Write), Findings: []findingDoc{},
	}
	if r.AuthErr != nil {
		doc.AuthError = r.AuthErr.Error()
	}
	if r.GrantsErr != nil {
		doc.RolesError = r.GrantsErr.Error()
	}
	for _, a := range r.Actions {
		doc.Actions = append(doc.Actions, checkAction{Action: a.Name, Allowed: a.Allowed, Unknown: a.Unknown, Reason: a.Reason})
	}
	return doc
}

func newCheckRanges(ranges []access.Range) []checkRange {
	docs := []checkRange{}
	for _, r := range ranges {
		docs = append(docs, checkRange{Key: r.Key, KeyBase64: output.Base64(r.Key), End: r.End, EndBase64: output.Base64(r.End)})
	}
	return docs
}

// who names the user and the user's permissions.
func (d checkDoc) who(r access.Report) string {
	switch {
	case r.AuthErr != nil:
		return "whether authentication is enabled is unknown: " + d.AuthError
	case r.GrantsErr != nil:
		return fmt.Sprintf("user %q, roles unknown: %s", d.User, d.RolesError)
	case !d.Auth:
		return "authentication is disabled: every client may do everything"
	}
	roles := "no role"
	if len(d.Roles) > 0 {
		roles = "roles " + strings.Join(d.Roles, ", ")
	}
	return fmt.Sprintf("user %q, %s: %s", d.User, roles, r.Grants)
}

func (d checkDoc) table(out output.Printer) error {
	var rows [][]output.Cell
	for _, a := range d.Actions {
		allowed := output.Cell{Text: "no", Tone: output.Critical}
		switch {
		case a.Unknown:
			allowed = output.Cell{Text: "unknown", Tone: output.Warning}
		case a.Allowed:
			allowed = output.Cell{Text: "yes", Tone: output.Holding}
		}
		rows = append(rows, []output.Cell{{Text: a.Action}, allowed, {Text: format.Dash(a.Reason)}})
	}
	return out.Table([]string{"ACTION", "ALLOWED", "WHY"}, rows)
}
