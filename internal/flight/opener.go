package flight

import (
	"fmt"
	"os"
	"slices"

	"etcd-lock/internal/layout"
)

// Opener opens a recording that a recorder may go on with. It is not safe for concurrent
// use.
type Opener struct {
	Path  string
	Rules *layout.Set

	opened *Recording
	names  []string
}

// Open returns the recording with the segments that it has now. It is read anew only if
// there are others than the last time.
func (o *Opener) Open() (*Recording, error) {
	names, err := o.list()
	if err != nil {
		return nil, err
	}
	if o.opened != nil && slices.Equal(names, o.names) {
		return o.opened, nil
	}
	r, err := Open(o.Path, o.Rules)
	if err != nil {
		return nil, err
	}
	o.opened, o.names = r, names
	return r, nil
}

// list returns the names of the files, none for a recording that is one file.
func (o *Opener) list() ([]string, error) {
	info, err := os.Stat(o.Path)
	if err != nil {
		return nil, fmt.Errorf("open the recording: %w", err)
	}
	if !info.IsDir() {
		return nil, nil
	}
	files, err := os.ReadDir(o.Path)
	if err != nil {
		return nil, fmt.Errorf("list the recording: %w", err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	return names, nil
}
