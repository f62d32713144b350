package effects

import (
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/format"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/widget"
)

// exportedMsg says where a table was written.
type exportedMsg struct {
	path string
	rows int
	err  error
}

// export writes a table into a file, which must be new.
func (e *env) export(s widget.Sheet, path string) nav.Action {
	return e.background(func() tea.Msg {
		full, err := filepath.Abs(fromHome(path))
		if err == nil {
			err = writeSheet(s, full)
		}
		return exportedMsg{path: full, rows: len(s.Rows), err: err}
	})
}

func (msg exportedMsg) Apply(*Effects) nav.Action {
	if msg.err != nil {
		return nav.Fail("not exported: " + msg.err.Error())
	}
	return nav.Note("exported " + format.Count(msg.rows, "row", "rows") + " to " + msg.path)
}

// fromHome returns a path, of which a ~ at its beginning is the user's home.
func fromHome(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return path
}

// completeFolder completes the folder that a path ends with.
func (e *env) completeFolder(path string) nav.Action {
	return e.background(func() tea.Msg {
		folder, start := filepath.Split(path)
		entries, err := os.ReadDir(filepath.Clean(fromHome(folder + ".")))
		if err != nil {
			entries = nil // there is nothing to complete
		}
		var paths []string
		for _, entry := range entries {
			if name := entry.Name(); entry.IsDir() && strings.HasPrefix(name, start) && (start != "" || !strings.HasPrefix(name, ".")) {
				paths = append(paths, folder+name+string(filepath.Separator))
			}
		}
		return completionsMsg{nav.Completions{Text: path, Candidates: paths}}
	})
}

// ExportName is a file of the working folder.
func ExportName(screen string, now time.Time) string {
	return "etcd-lock-" + screen + "-" + now.Format("20060102-150405") + ".csv"
}

func writeSheet(s widget.Sheet, path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return errors.New(path + " is a folder: the name of a file is missing")
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	return errors.Join(w.Write(s.Heading), w.WriteAll(s.Rows), f.Close())
}
