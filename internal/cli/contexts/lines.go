package contexts

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/config"
)

// FromEnv returns the flags that are also read from the environment, as etcdctl does.
func FromEnv() []string {
	return []string{
		"endpoints", "cacert", "cert", "key", "user", "password", "auth-jwt-token",
		"insecure-transport", "insecure-skip-tls-verify", "discovery-srv", "discovery-srv-name", "insecure-discovery",
		"keepalive-time", "keepalive-timeout", "dial-timeout", "command-timeout",
	}
}

// EnvName returns the variable that etcdctl reads a flag from.
func EnvName(flag string) string {
	return "ETCDCTL_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// secrets are flags that are never printed: what is printed is kept, and seen by others.
func secrets() []string { return []string{"password", "auth-jwt-token"} }

// Lines returns the flags that connect printed commands to the etcd of a command that was
// given flags, and that connects as c says. Named is the context that they have to name;
// empty: none. What the environment says is not repeated: printed commands have the same.
func Lines(given *pflag.FlagSet, c config.Context, named string, getenv func(string) string) cmdline.Flags {
	var f cmdline.Flags
	if named != "" {
		f.EtcdLock = append(f.EtcdLock, "--context="+named)
	}
	for _, name := range slices.Concat([]string{"config"}, FromEnv(), []string{"password-file", "layouts", "lock-keys", "hidden"}) {
		if flag := given.Lookup(name); flag.Changed && !slices.Contains(secrets(), name) {
			f.EtcdLock = append(f.EtcdLock, Words(flag)...)
		}
	}
	embedded := given.Changed("embedded")
	for _, name := range FromEnv() {
		flag := given.Lookup(name)
		said := flag.Changed || c.Get(name) != nil && flag.Value.String() != flag.DefValue
		if said && !slices.Contains(secrets(), name) {
			f.Etcdctl = append(f.Etcdctl, Words(flag)...)
		}
		hidden := name == "discovery-srv" && given.Changed("endpoints") // etcdctl would prefer it
		if env := EnvName(name); getenv(env) != "" && (said || hidden || c.Name != "" || embedded) {
			f.Unset = append(f.Unset, env)
		}
	}
	return f
}

// Words returns a flag as it is given to commands that are printed.
func Words(f *pflag.Flag) []string {
	value := f.Value.String()
	switch list, ok := f.Value.(pflag.SliceValue); {
	case ok && f.Value.Type() == "stringSlice":
		value = strings.Join(list.GetSlice(), ",")
	case ok:
		var words []string
		for _, one := range list.GetSlice() {
			words = append(words, "--"+f.Name+"="+one)
		}
		return words
	case f.Name == "user": // without the password
		value, _, _ = strings.Cut(value, ":")
	case f.NoOptDefVal != "" && value == f.NoOptDefVal:
		return []string{"--" + f.Name}
	}
	return []string{"--" + f.Name + "=" + value}
}
