#!/usr/bin/env bash
# github.com/charmbracelet/colorprofile v0.4.3: NO_COLOR=yes.
#
# One would guess: NO_COLOR takes the colours away whatever its value, as
#   https://no-color.org, which the package's documentation names, asks for:
#   "when present and not an empty string (regardless of its value)".
# What is: the value is read as a Go boolean. 1 and true take the colours away;
#   yes, on and any other word do not.
# Why it matters: Bubble Tea v2 and Lip Gloss v2 decide about colours with it, so a
#   program that relies on them shows colours to people who switched them off.
# Source: env.go, envNoColor: strconv.ParseBool, with the error ignored.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/charmbracelet/colorprofile"
)

func main() {
	for _, value := range []string{"", "1", "true", "yes", "on", "anything"} {
		fmt.Printf("NO_COLOR=%s: %s\n", value, colorprofile.Env([]string{"TERM=xterm-256color", "NO_COLOR=" + value}))
	}
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/charmbracelet/colorprofile@v0.4.3 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go run . | tee seen
diff - seen <<'WANT'
NO_COLOR=: ANSI256
NO_COLOR=1: Ascii
NO_COLOR=true: Ascii
NO_COLOR=yes: ANSI256
NO_COLOR=on: ANSI256
NO_COLOR=anything: ANSI256
WANT
