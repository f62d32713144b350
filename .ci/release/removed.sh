#!/bin/sh
# After a package was removed. Recordings in /var/lib/etcd-lock stay, as data do.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
