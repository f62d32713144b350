package supervise

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"etcd-lock/internal/keyspace"
	"etcd-lock/rwlock"
)

// environ returns the environment of the command: that of this process, with the
// variables of its locks in place of those that this process may itself run under.
func environ(names []string, set *rwlock.Set) []string {
	token := strconv.FormatInt(set.Token(), 10)
	vars := []string{
		"ETCD_LOCK_NAME=" + strings.Join(names, "\n"),
		keyspace.UnderEnv + "=" + strings.Join(set.Keys(), "\n"),
		"ETCD_LOCK_TOKEN=" + token,
		"ETCD_LOCK_REV=" + token,
	}
	env := slices.DeleteFunc(os.Environ(), func(pair string) bool {
		return slices.ContainsFunc(vars, func(v string) bool { return envName(v) == envName(pair) })
	})
	return append(env, vars...)
}

// envName returns the name of a variable in the form name=value.
func envName(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	return name
}
