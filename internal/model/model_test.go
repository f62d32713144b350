package model

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var check = flag.Bool("model", false, "run the model checker Spin on the models of the protocol")

// models are checked in all their states, within the bounds that their macros set.
var models = []string{
	"rwlock N=2 FAULTS=3",
	"rwlock N=2 ROUNDS=2 FAULTS=1",
	"rwlock N=3 FAULTS=0",
	"rwlock N=2 ROUNDS=2 KEEP",
	"rwlock N=2 ROUNDS=2 FAULTS=0 PASSING PASSES=3",
	"rwlock N=2 FAULTS=2 PASSING",
	"rwlock N=2 ROUNDS=2 FAULTS=0 KEEP PASSING PASSES=3",
	"rwlock N=2 FAULTS=2 CHANGES",
	"rwlock N=3 FAULTS=0 CHANGES",
	"rwlock N=2 FAULTS=1 NAMES=2",
	"mirror N=2 ROUNDS=3 FAULTS=2",
	"mirror N=3 ROUNDS=1",
}

// mutants are models without one line that the protocol needs, and what Spin finds then.
var mutants = map[string]string{
	"rwlock N=2 MUTANT_NO_FENCE":                                 "token[((c*1)+first)]>=used[first]",
	"rwlock N=2 MUTANT_NOT_READ_AGAIN":                           "invalid end state",
	"rwlock N=3 FAULTS=0 MUTANT_GRANTED_BY_THE_EVENT":            "stopped[k]||excused[k]",
	"rwlock N=2 FAULTS=2 MUTANT_OWN_KEY_UNREAD":                  "==r))",
	"rwlock N=2 MUTANT_FORGETS_A_LOST_REPLY":                     "excused[c])|| !((readKey",
	"rwlock N=2 MUTANT_DEADLINE_FROM_THE_REPLY":                  "stopped[k]||excused[k]",
	"rwlock N=2 MUTANT_WITHDRAWS_NOTHING":                        "excused[c])|| !((readKey",
	"rwlock N=3 FAULTS=0 MUTANT_READERS_OVERTAKE":                "writeKey[((k*1)+n)]>r",
	"rwlock N=2 NAMES=2 MUTANT_SET_LOOKS_AT_ONE_QUEUE":           "stopped[k]||excused[k]",
	"rwlock N=2 CHANGES MUTANT_UPGRADE_BESIDE_READERS":           "stopped[k]||excused[k]",
	"rwlock N=2 PASSING MUTANT_PASSES_WITHOUT_END":               "passes<2",
	"rwlock N=2 PASSING MUTANT_PASSES_A_KNOWN_TOKEN":             ">known[first]",
	"rwlock N=2 ROUNDS=2 KEEP PASSING MUTANT_COUNTS_PASSES_ANEW": "overtaken[k]<=",
	"rwlock N=2 ROUNDS=2 KEEP MUTANT_KEEPS_A_KNOWN_TOKEN":        ">known[first]",
	"rwlock N=2 KEEP MUTANT_KEEPER_IS_BLIND":                     "invalid end state",
	"rwlock N=2 ROUNDS=2 KEEP MUTANT_RELOCK_UNCHECKED":           "stopped[k]||excused[k]",
	"mirror N=2 MUTANT_READ_BEFORE_THE_WATCH":                    "invalid end state",
	"mirror N=2 MUTANT_A_BREAK_IS_IGNORED":                       "invalid end state",
}

func TestModels(t *testing.T) {
	needSpin(t)
	for _, m := range models {
		t.Run(m, func(t *testing.T) {
			out := verify(t, m)
			if !strings.Contains(out, "errors: 0") || strings.Contains(out, "max search depth too small") {
				t.Errorf("Spin says: %s", out)
			}
			t.Logf("%s states", regexp.MustCompile(`(\d+) states, stored`).FindStringSubmatch(out)[1])
		})
	}
}

func TestMutants(t *testing.T) {
	needSpin(t)
	for m, want := range mutants {
		t.Run(m, func(t *testing.T) {
			if out := verify(t, m); !strings.Contains(out, want) {
				t.Errorf("Spin does not find %q, and says: %s", want, out)
			}
		})
	}
}

// TestMutantsAreListed: each mutant in the models is run, and explained in docs/proof.md.
func TestMutantsAreListed(t *testing.T) {
	doc, err := os.ReadFile("../../docs/proof.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"rwlock.pml", "mirror.pml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`MUTANT_[A-Z_]*[A-Z]`).FindAllString(string(text), -1) {
			var run bool
			for m := range mutants {
				run = run || strings.HasPrefix(m, strings.TrimSuffix(file, ".pml")) && strings.HasSuffix(m, " "+name)
			}
			if !run {
				t.Errorf("%s has %s, which no test runs", file, name)
			}
			if !bytes.Contains(doc, []byte("`"+strings.TrimPrefix(name, "MUTANT_")+"`")) {
				t.Errorf("docs/proof.md does not explain %s of %s", name, file)
			}
		}
	}
}

func needSpin(t *testing.T) {
	t.Helper()
	if !*check {
		t.Skip("not asked for with -model: it takes minutes, and needs Spin and a C compiler (Debian: spin, gcc)")
	}
}

// verify has Spin look at all states of a model with its macros, and returns what it says.
func verify(t *testing.T, model string) string {
	t.Helper()
	words := strings.Fields(model)
	source, err := filepath.Abs(words[0] + ".pml")
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-a"}
	for _, macro := range words[1:] {
		args = append(args, "-D"+macro)
	}
	dir := t.TempDir()
	run := func(name string, args ...string) string {
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), name, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		return string(out)
	}
	run("spin", append(args, source)...)
	run("cc", "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", "-DVECTORSZ=2048", "-DMEMLIM=8000", "-o", "pan", "pan.c")
	return run("./pan", "-m1000000", "-n")
}
