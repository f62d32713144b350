#!/usr/bin/env bash
# github.com/charmbracelet/x/exp/teatest/v2 v2.0.0-20260823001701-96af6d2cb5f6 with
# charm.land/bubbletea/v2 v2.1.1: a test that waits for a text.
#
# One would guess: teatest.WaitFor with bytes.Contains, as its own tests have it, finds a
#   text once the program shows it.
# What is: it searches what the program has printed since the last wait, and Bubble Tea
#   prints only the cells that changed. Where "client 1 waits" becomes "client 2 waits",
#   only the 2 is printed, so the wait ends without the text although it is on the screen.
# Why it matters: which cells were there before depends on timing, so that such a test
#   fails now and then. A terminal emulator that is fed the output has the text.
# Source: exp/teatest/v2/teatest.go, doWaitFor; bubbletea v2 cursed_renderer.go.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
cat >screen_test.go <<'GO'
package screen

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/exp/teatest/v2"
	"github.com/charmbracelet/x/vt"
)

type model int

func (m model) Init() tea.Cmd { return nil }

func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if _, ok := msg.(tea.KeyPressMsg); ok {
		m++
	}
	return m, nil
}

func (m model) View() tea.View { return tea.NewView(fmt.Sprintf("client %d waits", m)) }

func Test(t *testing.T) {
	tm := teatest.NewTestModel(t, model(1), teatest.WithInitialTermSize(40, 4))
	screen := vt.NewEmulator(40, 4)
	go io.Copy(io.Discard, screen)
	var printed bytes.Buffer
	out := io.TeeReader(tm.Output(), io.MultiWriter(screen, &printed))
	shown := func(text string) func([]byte) bool {
		return func([]byte) bool { return strings.Contains(screen.String(), text) }
	}
	teatest.WaitFor(t, out, shown("client 1 waits"), teatest.WithDuration(time.Minute))
	fmt.Println("first:  printed:", strings.Contains(printed.String(), "client 1 waits"))
	printed.Reset()
	tm.Type("x")
	teatest.WaitFor(t, out, shown("client 2 waits"), teatest.WithDuration(time.Minute))
	fmt.Println("second: printed:", strings.Contains(printed.String(), "client 2 waits"))
	tm.Quit()
	tm.WaitFinished(t, teatest.WithFinalTimeout(time.Minute))
}
GO
go mod init screen >/dev/null 2>&1
go get charm.land/bubbletea/v2@v2.1.1 github.com/charmbracelet/x/vt@v0.1.0 \
	github.com/charmbracelet/x/exp/teatest/v2@v2.0.0-20260823001701-96af6d2cb5f6 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go test -count=1 -v . >out 2>&1 || { cat out >&2; exit 1; }
grep printed: out | tee seen
diff - seen <<'WANT'
first:  printed: true
second: printed: false
WANT
