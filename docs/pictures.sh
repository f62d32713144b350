#!/usr/bin/env bash
# Makes the pictures of the guides anew from the real program, in a terminal of
# tmux on the demo's etcd. It needs Go, and of Debian's packages: tmux, aha,
# chromium, pngquant and fonts-dejavu-core.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
socket=$work/tmux
trap 'tmux -S "$socket" kill-server 2>/dev/null || true; kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$work"' EXIT

go build -o "$work/etcd-lock" .

columns=150 lines=38
keys() { tmux -S "$socket" send-keys "$@"; }
wait_for() { # until the screen shows a pattern
  timeout 60 bash -c "until tmux -S '$socket' capture-pane -p | grep -q -- '$1'; do sleep 0.1; done"
}
take() { # the screen as docs/$1.png
  tmux -S "$socket" capture-pane -e -N -p | aha --black | sed "s|</head>|<style>$style</style></head>|" >"$work/screen.html"
  page "$1" "$work/screen.html" $((columns * 8429 / 1000 + 21)),$((lines * 17 + 20))
}
page() { # the page $2 as docs/$1.png, of a size
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --force-device-scale-factor=2 \
    --window-size="$3" --screenshot="$work/screen.png" "file://$2" 2>/dev/null
  pngquant --force --output "docs/$1.png" 64 "$work/screen.png"
}
style='body { margin: 10px; color: #d0d0d0 !important; background: #16181c !important }
pre { margin: 0; font: 14px/17px "DejaVu Sans Mono" }'
style=${style//$'\n'/ }

tmux -S "$socket" -f /dev/null new-session -d -x $columns -y $lines \
  "env -u NO_COLOR XDG_CONFIG_HOME=$work/config LC_ALL=C.UTF-8 TERM=tmux-256color COLORTERM=truecolor $work/etcd-lock demo"
tmux -S "$socket" set -g escape-time 0
wait_for 'orders/42'
sleep 25 # until the sparklines have something to show
wait_for 'orders/42 .*contended'
take tui

keys : 'lock /orders/42' Enter
wait_for 'timeline'
wait_for 'writer #'
take tui-lock

# A deadlock stays while its scenario is paused: its deadline does not pass.
keys 5 / deadlock Enter Enter
wait_for 'got lock patient'
sleep 1.7
keys p
wait_for 'PAUSED'
take tui-scenarios

keys 3
wait_for 'critical deadlock'
take tui-problems

keys 8
wait_for 'who waited for whom'
take tui-hot
keys q

# The incident of after-the-fact.md, which is recorded on an etcd for it.
go build -o "$work/etcd" go.etcd.io/etcd/server/v3
export ETCDCTL_ENDPOINTS=http://127.0.0.1:23979
"$work/etcd" --data-dir "$work/data" --log-level error \
  --listen-client-urls "$ETCDCTL_ENDPOINTS" --advertise-client-urls "$ETCDCTL_ENDPOINTS" --listen-peer-urls http://127.0.0.1:23980 &
until "$work/etcd-lock" ls >/dev/null 2>&1; do sleep 0.2; done
"$work/etcd-lock" record "$work/recording" 2>/dev/null &
recorder=$!
client() { "$work/etcd-lock" exec --label "$@" >/dev/null 2>&1 & }
sleep 2
client billing /orders -- sh -c "sleep 2; '$work/etcd-lock' exec --label billing-stock --wait 36s /stock -- true"
client shipping /stock -- sh -c "sleep 2; '$work/etcd-lock' exec --label shipping-orders --wait 40s /orders -- true"
client nightly /jobs/nightly -- sleep 38
client backup --ttl 10s /backup -- sleep 8
backup=$!
sleep 1
client restore /backup -- sleep 5
client report /jobs/nightly -- true
client invoices /jobs/nightly -- true
kill -KILL $backup
sleep 6
at=$(date -Is)
sleep 40
kill $recorder
wait $recorder || true

tmux -S "$socket" kill-server 2>/dev/null || true
socket=$work/tmux-after # the server of the other one may still be ending
tmux -S "$socket" -f /dev/null new-session -d -x $columns -y $lines \
  "cd $work; env -u NO_COLOR XDG_CONFIG_HOME=$work/config LC_ALL=C.UTF-8 TERM=tmux-256color COLORTERM=truecolor ./etcd-lock tui --recording recording --at $at"
tmux -S "$socket" set -g escape-time 0
wait_for 'RECORDED'
sleep 3 # until the time line is read
take after-locks
keys 3
wait_for 'critical deadlock'
take after-problems
keys q
"$work/etcd-lock" profile --recording "$work/recording" --html "$work/waits.html" >/dev/null
page after-waits "$work/waits.html" 1100,620
