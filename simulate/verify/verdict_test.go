package verify

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// No time to judge is no pass; and what is plain to see is told all the same.
func TestUndecided(t *testing.T) {
	inTurn := []Hold{held("a", w, 0, 0, 1, 5), held("b", w, 0, 1, 7, 9)}
	flags(t, Judge(Seen{Holds: inTurn}, History{}, Options{Limit: 1}), Undecided, "1 holds of /n could not be judged within 1ns")
	atOnce := []Hold{held("a", w, 0, 0, 1, 5), held("b", w, 0, 1, 4, 9)}
	flags(t, Judge(Seen{Holds: atOnce}, History{}, Options{Limit: 1}), Overlap, "/n was held at the same time")
}

// A story is that of the two that clash, and each pair is told of once.
func TestTheStory(t *testing.T) {
	const ms = time.Millisecond
	holds := []Hold{
		held("bystander", r, 1, 0, 1*ms, 2*ms),
		held("a", w, 3, 2*ms, 3*ms, 0).lostAt(8*ms, 9*ms),
		held("b", r, 2, 4*ms, 5*ms, 6*ms),
	}
	v := Judge(Seen{Holds: holds}, History{Changes: seq(puts(1, "read/o"), puts(2, "read/b"), puts(3, "write/a"), gone(4, "read/o", "read/b", "write/a"))}, Options{})
	flags(t, v, Overlap, "/n was held at the same time by two clients that exclude each other: a to write with token 3 from 0.003s to 0.008s, b to read with token 2 from 0.005s to 0.006s")
	if v.Violations[0].Lock != "/n" || !slices.Equal(v.Violations[0].Clients, []string{"a", "b"}) {
		t.Errorf("concerns %q of %q, want a and b of /n", v.Violations[0].Clients, v.Violations[0].Lock)
	}
	want := []string{
		"0.002s a asks to write /n",
		"0.003s a is granted it to write, token 3",
		"0.004s b asks to read /n",
		"0.005s b is granted it to read, token 2",
		"0.006s b no longer claims it",
		"0.006s b has released it",
		"0.008s a no longer claims it",
		"0.009s a learns that it has ended",
	}
	if got := v.Violations[0].Story(); !slices.Equal(got, want) {
		t.Errorf("story:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, other := range v.Violations[1:] {
		if len(other.Holds) == 2 {
			t.Errorf("told again: %s", other.Text)
		}
	}
}

func TestPicture(t *testing.T) {
	var page strings.Builder
	if err := Picture(&page, []Hold{held("a", w, 1, 0, 1, 5), held("b", w, 2, 1, 4, 9)}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), "a: write /n, token 1") {
		t.Error("the page does not name the operations")
	}
}
