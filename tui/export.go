package tui

import (
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"time"

	tea "charm.land/bubbletea/v2"
)

// sheet is a table as text.
type sheet struct {
	heading []string
	rows    [][]string
}

// exportedMsg says where a table was written.
type exportedMsg struct {
	path string
	rows int
	err  error
}

// exportCmd writes a table into a file, which must be new.
func (t *tasks) exportCmd(s sheet, path string) tea.Cmd {
	return t.cmd(func() tea.Msg {
		full, err := filepath.Abs(path)
		if err == nil {
			err = s.write(full)
		}
		return exportedMsg{path: full, rows: len(s.rows), err: err}
	})
}

// exportName is a file of the working folder.
func exportName(screen string, now time.Time) string {
	return "etcd-lock-" + screen + "-" + now.Format("20060102-150405") + ".csv"
}

func (s sheet) write(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	return errors.Join(w.Write(s.heading), w.WriteAll(s.rows), f.Close())
}
