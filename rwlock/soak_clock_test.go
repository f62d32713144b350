//go:build jumps

// This file is built together with a package time whose Jump sets by how much the clock of the
// process is off: see internal/stories.

package rwlock_test

import (
	"encoding/json"
	"os"
	"strconv"
	"time"
)

// init has the tests, and in a child process the member, use a clock that jumps.
func init() {
	jump = time.Jump
	var member struct{ Config struct{ Dir string } }
	if json.Unmarshal([]byte(os.Getenv("ETCD_LOCK_CLUSTER_MEMBER")), &member) == nil {
		go jumpAsTold(clockOf(member.Config.Dir))
	}
}

// jumpAsTold sets the clock to what a file says whenever there is one, and removes it.
func jumpAsTold(file string) {
	for ; ; time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if seconds, err := strconv.ParseInt(string(text), 10, 64); err == nil {
			time.Jump(seconds)
			_ = os.Remove(file)
		}
	}
}
