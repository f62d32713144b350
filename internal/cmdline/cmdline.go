// Package cmdline makes the command lines that are printed to be copied. They act on the etcd
// that the text around them is about, and not on the one that is the default.
package cmdline

import (
	"slices"

	"etcd-lock/internal/printable"
)

// Flags connect printed commands to an etcd, in the environment that this program has. They
// have no passwords and no tokens. The zero value connects to what the environment says.
type Flags struct {
	EtcdLock []string // flags of etcd-lock
	Etcdctl  []string // flags of etcdctl
	Unset    []string // variables that are about another etcd, or that etcdctl refuses beside its flags
}

// Args returns the arguments of etcd-lock for a command, with the flags.
func (f Flags) Args(command ...string) []string { return slices.Concat(f.EtcdLock, command) }

// Line returns a command of etcd-lock for a shell.
func (f Flags) Line(command ...string) string {
	return printable.Shell(slices.Insert(f.Args(command...), 0, "etcd-lock")...)
}

// EtcdctlArgs returns the arguments of etcdctl for a command, with the flags.
func (f Flags) EtcdctlArgs(command ...string) []string { return slices.Concat(f.Etcdctl, command) }

// EtcdctlLine returns a command of etcdctl for a shell.
func (f Flags) EtcdctlLine(command ...string) string {
	var words []string
	for _, name := range f.Unset {
		words = append(words, "-u", name)
	}
	if len(words) > 0 {
		words = slices.Insert(words, 0, "env")
	}
	return printable.Shell(slices.Concat(words, []string{"etcdctl"}, f.EtcdctlArgs(command...))...)
}
