package house

import (
	"regexp"
	"testing"
)

// The table of dependencies has each module that go.mod requires directly, at its version,
// and no other.
func TestDependencies(t *testing.T) {
	listed := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (v\\S+) \\|").FindAllStringSubmatch(read(t, "docs/dependencies.md"), -1) {
		listed[row[1]] = row[2]
	}
	required := regexp.MustCompile(`(?m)^\t(\S+) (v\S+)$`).FindAllStringSubmatch(read(t, "go.mod"), -1)
	if len(required) == 0 {
		t.Fatal("go.mod has no requirements")
	}
	for _, module := range required {
		if got := listed[module[1]]; got != module[2] {
			t.Errorf("docs/dependencies.md has %s at %q, go.mod at %s", module[1], got, module[2])
		}
		delete(listed, module[1])
	}
	for module := range listed {
		t.Errorf("docs/dependencies.md has %s, which go.mod does not require directly", module)
	}
}
