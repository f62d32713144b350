package ongoing

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// looks is what is found each second, a letter a thing, in capitals where it is worse.
func looks(s *Set[string], seconds string) (said []string) {
	now := time.Date(2026, 11, 27, 3, 12, 0, 0, time.UTC)
	for i, found := range strings.Split(seconds, " ") {
		c := s.Look(now.Add(time.Duration(i)*time.Second), strings.Split(strings.Trim(found, "-"), ""))
		for word, list := range map[string][]string{"+": c.Raised, "!": c.Worse, "-": c.Cleared} {
			for _, thing := range list {
				said = append(said, fmt.Sprint(i, word, thing))
			}
		}
	}
	return said
}

func TestLook(t *testing.T) {
	tests := []struct {
		name    string
		quiet   time.Duration
		seconds string
		want    string
	}{
		{"at once", 0, "a a - a", "0+a 2-a 3+a"},
		{"first of an ID", 0, "aA -", "0+a 1-a"},
		{"one miss is no end", 2 * time.Second, "a - a - a", "0+a"},
		{"it ends after a while", 2 * time.Second, "a - - - -", "0+a 3-a"},
		{"it takes twice as long when it came back", 2 * time.Second, "a - - - a - - - - - -", "0+a 3-a 4+a 9-a"},
		{"it gets worse once", 2 * time.Second, "a A a A - - -", "0+a 1!A 6-A"},
		{"several", 0, "a ab b -", "0+a 1+b 2-a 3-b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &Set[string]{
				ID: strings.ToLower, Quiet: tt.quiet,
				Worse: func(before, now string) bool { return before > now },
			}
			if diff := cmp.Diff(strings.Fields(tt.want), looks(s, tt.seconds)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// However often something comes and goes, what is said of it stays bounded.
func TestFlapping(t *testing.T) {
	s := &Set[string]{ID: strings.ToLower, Quiet: 30 * time.Second}
	now, said := time.Time{}.Add(time.Hour), 0
	for i := range 24 * 60 { // a day: there in one minute, and not in the next
		all := []string{"a"}
		if i%2 == 1 {
			all = nil
		}
		for range 6 {
			c := s.Look(now, all)
			said += len(c.Raised) + len(c.Cleared)
			now = now.Add(10 * time.Second)
		}
	}
	if said > 6 {
		t.Errorf("said %d times", said)
	}
	if len(s.Open()) != 1 {
		t.Error("it ended when it was missing for a moment")
	}
}

func TestForget(t *testing.T) {
	s := &Set[string]{ID: strings.ToLower}
	s.Look(time.Time{}, []string{"b", "a"})
	if diff := cmp.Diff([]string{"a", "b"}, s.Open()); diff != "" {
		t.Error(diff)
	}
	s.Forget()
	if c := s.Look(time.Time{}, []string{"a"}); len(c.Raised) != 1 || len(c.Cleared) != 0 {
		t.Errorf("%+v", c)
	}
}
