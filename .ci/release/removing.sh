#!/bin/sh
# Before a package is removed. Debian says remove, RPM 0; an upgrade is neither.
set -e
case "$1" in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl disable --now etcd-lock-record.service etcd-lock-export.service
	fi
	;;
esac
