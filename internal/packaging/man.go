package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manual returns the manual pages of a command and of all below it, by their names.
func manual(cmd *cobra.Command, date time.Time) map[string]string {
	pages := map[string]string{pageName(cmd): page(cmd, date)}
	for _, sub := range subcommands(cmd) {
		for name, text := range manual(sub, date) {
			pages[name] = text
		}
	}
	return pages
}

func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

func subcommands(cmd *cobra.Command) (subs []*cobra.Command) {
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			subs = append(subs, sub)
		}
	}
	return subs
}

// page returns a manual page in the language of man(7), which is made by hand because
// what goes through Markdown loses the lines and columns of the help texts.
func page(cmd *cobra.Command, date time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH \"%s\" 1 \"%s\" etcd-lock \"etcd-lock manual\"\n", escape(strings.ToUpper(pageName(cmd))), date.Format(time.DateOnly))
	b.WriteString(".nh\n.ad l\n")
	section(&b, "NAME")
	fmt.Fprintf(&b, "%s \\- %s\n", escape(pageName(cmd)), escape(cmd.Short))
	section(&b, "SYNOPSIS")
	fmt.Fprintf(&b, "\\fB%s\\fR\n", escape(cmd.UseLine()))
	if long := cmd.Long; long != "" {
		section(&b, "DESCRIPTION")
		writeText(&b, long)
	}
	if subs := subcommands(cmd); len(subs) > 0 {
		section(&b, "COMMANDS")
		for _, sub := range subs {
			fmt.Fprintf(&b, ".TP\n\\fB%s\\fR(1)\n%s\n", escape(pageName(sub)), escape(sub.Short))
		}
	}
	writeOptions(&b, cmd)
	if cmd.Example != "" {
		section(&b, "EXAMPLES")
		writeText(&b, cmd.Example)
	}
	if cmd.HasParent() {
		section(&b, "SEE ALSO")
		fmt.Fprintf(&b, "\\fB%s\\fR(1)\n", escape(pageName(cmd.Parent())))
	}
	return b.String()
}

func section(b *strings.Builder, title string) { fmt.Fprintf(b, ".SH %s\n", title) }

// writeText writes paragraphs, which are filled. Indented lines stay as they are.
func writeText(b *strings.Builder, text string) {
	verbatim := false
	set := func(to bool) {
		if to != verbatim {
			b.WriteString(map[bool]string{true: ".RS 2\n.nf\n", false: ".fi\n.RE\n"}[to])
		}
		verbatim = to
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" {
			set(false)
			b.WriteString(".PP\n")
			continue
		}
		content := strings.TrimPrefix(line, "  ")
		set(content != line)
		b.WriteString(escapeLine(content) + "\n")
	}
	set(false)
}

// writeOptions writes the flags of a command. Those of all commands are on the page of
// the program only.
func writeOptions(b *strings.Builder, cmd *cobra.Command) {
	section(b, "OPTIONS")
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && f.Name != "help" {
			writeOption(b, f)
		}
	})
	if cmd.HasParent() {
		fmt.Fprintf(b, ".PP\nOptions of all commands, such as those of the connection, are in \\fB%s\\fR(1).\n", escape(pageName(cmd.Root())))
	}
}

func writeOption(b *strings.Builder, f *pflag.Flag) {
	value, usage := pflag.UnquoteUsage(f)
	name := "\\fB" + escape("--"+f.Name) + "\\fR"
	if f.Shorthand != "" {
		name = "\\fB" + escape("-"+f.Shorthand) + "\\fR, " + name
	}
	if value != "" {
		name += " \\fI" + escape(value) + "\\fR"
	}
	switch f.DefValue {
	case "", "false", "0", "0s", "[]":
	default:
		usage += " (default " + strings.Trim(f.DefValue, "[]") + ")"
	}
	fmt.Fprintf(b, ".TP\n%s\n%s\n", name, escapeLine(usage))
}

// special are the characters that roff, or a typographer, would take for others.
var special = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `'`, `\(aq`, "`", `\(ga`, `^`, `\(ha`, `~`, `\(ti`, `"`, `\(dq`)

func escape(text string) string { return special.Replace(text) }

// escapeLine escapes a line that may begin as a request of roff does.
func escapeLine(line string) string {
	line = escape(line)
	if strings.HasPrefix(line, ".") {
		line = `\&` + line
	}
	return line
}
