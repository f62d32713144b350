package contexts

import (
	"fmt"
	"strings"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/config"
	"etcd-lock/internal/printable"
)

type listDoc struct {
	File     string       `json:"file"`
	Contexts []contextDoc `json:"contexts"`
}

type contextDoc struct {
	Name         string   `json:"name"`
	Current      bool     `json:"current"`
	Endpoints    []string `json:"endpoints"`
	Discovery    string   `json:"discovery_srv,omitempty"`
	User         string   `json:"user,omitempty"`
	PasswordFile string   `json:"password_file,omitempty"`
	ReadOnly     bool     `json:"read_only"`
	Colour       string   `json:"colour,omitempty"`
}

// List prints the contexts of a file, and which of them are used.
func List(out output.Printer, file config.File, used Chosen) error {
	doc := listDoc{File: file.Path, Contexts: []contextDoc{}}
	for _, c := range file.Contexts {
		doc.Contexts = append(doc.Contexts, contextDoc{
			Name: c.Name, Current: used.Has(c.Name), Endpoints: append([]string{}, c.Get("endpoints")...),
			Discovery: first(c, "discovery-srv"), User: first(c, "user"), PasswordFile: first(c, "password-file"),
			ReadOnly: c.ReadOnly, Colour: string(c.Colour),
		})
	}
	if out.Format == output.JSON {
		return out.Document(doc)
	}
	return doc.table(out)
}

func first(c config.Context, flag string) string {
	if values := c.Get(flag); len(values) > 0 {
		return values[0]
	}
	return ""
}

func (d listDoc) table(out output.Printer) error {
	var rows [][]output.Cell
	for _, c := range d.Contexts {
		mark, access := "-", "read-write"
		if c.Current {
			mark = "*"
		}
		if c.ReadOnly {
			access = "read-only"
		}
		where := strings.Join(c.Endpoints, ",")
		if c.Discovery != "" {
			where = "SRV " + c.Discovery
		}
		rows = append(rows, output.Row(c.Name, mark, access, orDash(c.Colour), orDash(c.User), where))
	}
	return out.Table([]string{"NAME", "CURRENT", "ACCESS", "COLOUR", "USER", "ENDPOINTS"}, rows)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// None says that a file has no contexts, or that there is no file.
func None(file config.File, path string) string {
	if file.Path == "" {
		return fmt.Sprintf("no contexts: there is no %s; docs/config.md describes it", printable.Text(path))
	}
	return fmt.Sprintf("no contexts in %s", printable.Text(file.Path))
}
