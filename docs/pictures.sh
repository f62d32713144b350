#!/usr/bin/env bash
# Makes the pictures of the guides anew from the real program, in a terminal of
# tmux on the demo's etcd. It needs Go and tmux.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
socket=$work/tmux
trap 'tmux -S "$socket" kill-server 2>/dev/null || true; rm -rf "$work"' EXIT

go build -o "$work/etcd-lock" .
go build -o "$work/picture" ./internal/picture

screen() { tmux -S "$socket" capture-pane -p "$@"; }
wait_for() { # until the screen shows a pattern
  timeout 60 bash -c "until tmux -S '$socket' capture-pane -p | grep -q '$1'; do sleep 0.1; done"
}
take() { screen -e | "$work/picture" >"docs/$1.svg"; }

tmux -S "$socket" -f /dev/null new-session -d -x 150 -y 38 \
  "env -u NO_COLOR XDG_CONFIG_HOME=$work LC_ALL=C.UTF-8 TERM=tmux-256color COLORTERM=truecolor $work/etcd-lock demo"
tmux -S "$socket" set -g escape-time 0
wait_for 'orders/42'
sleep 25 # until the sparklines have something to show
wait_for 'orders/42 .*contended'
take tui
tmux -S "$socket" send-keys : 'lock /orders/42' Enter
wait_for 'timeline'
wait_for 'writer #'
take tui-lock
tmux -S "$socket" send-keys q
