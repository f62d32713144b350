// Package config reads the configuration file: contexts, which are clusters under a name,
// keys of the terminal UI under other names, and commands on its rows. People write the
// file, and no program does.
package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"etcd-lock/internal/interrupt"
	"etcd-lock/internal/yamlfile"
)

// Name is the name of the file in the user's configuration directory.
const Name = "config.yaml"

// File is a configuration file that was read. Its zero value is that of a user who has none.
type File struct {
	Path     string // empty: there is none
	Context  string // to use where nothing names an etcd; empty: none
	Contexts []Context
	Keys     []Key
	Commands []Command

	positions *yamlfile.File
}

type fileDoc struct {
	Context  *string                      `yaml:"context"`
	Contexts map[string]contextDoc        `yaml:"contexts"`
	Keys     map[string]map[string]string `yaml:"keys"`
	Commands []commandDoc                 `yaml:"commands"`
}

// inUI says where a field belongs that the UI keeps.
const inUI = "kept in ui.yaml, which the terminal UI writes itself"

var form = yamlfile.Form{
	Empty:  "empty file: it needs contexts, keys or commands",
	Second: "second document: a configuration file has one",
	Flags: []string{
		"read-only", "insecure-skip-tls-verify", "insecure-transport", "insecure-discovery", "hidden",
		"shell", "confirm", "dangerous", "background", "any-text",
	},
	Renamed: map[string]string{
		"color": "colour", "mouse": inUI, "ascii": inUI, "ask": inUI, "sort": inUI,
		"readonly": "read-only", "ca-cert": "cacert", "password_file": "password-file", "command": "run",
	},
}

// Load reads the file at a path. It is the zero File if the path is empty or, where the
// file need not exist, if it does not. An error says where in the file it is.
func Load(ctx context.Context, path string, mustExist bool) (File, error) {
	if path == "" {
		return File{}, nil
	}
	data, err := interrupt.ReadFile(ctx, path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !mustExist:
		return File{}, nil
	case err != nil:
		return File{}, fmt.Errorf("configuration: %w", err)
	}
	return Parse(path, data)
}

// Parse reads a file. path is for messages, and for the files that it names: those are
// beside it, unless their paths are absolute. Every error is a *yamlfile.Error.
func Parse(path string, data []byte) (File, error) {
	var doc fileDoc
	positions, err := form.Decode(path, data, &doc)
	if err != nil {
		return File{}, err
	}
	f := File{Path: path, Context: deref(doc.Context), positions: positions}
	r := reader{file: positions, folder: filepath.Dir(path)}
	f.Contexts = r.contexts(doc)
	f.Keys = r.keys(doc.Keys)
	f.Commands = r.commands(doc.Commands, f)
	if r.err != nil {
		return File{}, r.err
	}
	return f, nil
}

// Errorf returns an error about the value at a path of the file.
func (f *File) Errorf(p yamlfile.Path, format string, args ...any) error {
	if f.positions == nil {
		return fmt.Errorf(format, args...)
	}
	return f.positions.Errorf(p, format, args...)
}

// Find returns the context of a name.
func (f *File) Find(name string) (Context, bool) {
	for _, c := range f.Contexts {
		if c.Name == name {
			return c, true
		}
	}
	return Context{}, false
}

// Names are the names of the contexts.
func (f *File) Names() []string {
	names := make([]string, 0, len(f.Contexts))
	for _, c := range f.Contexts {
		names = append(names, c.Name)
	}
	return names
}

// reader turns a decoded file into values, and keeps the first error.
type reader struct {
	file   *yamlfile.File
	folder string // of the file
	err    error
}

func (r *reader) fail(p yamlfile.Path, format string, args ...any) {
	if r.err == nil {
		r.err = r.file.Errorf(p, format, args...)
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func isSet(flag *bool) bool { return flag != nil && *flag }
