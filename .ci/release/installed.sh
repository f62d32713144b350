#!/bin/sh
# After the installation of a package: systemd is told of the services. None is started.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
