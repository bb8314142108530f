#!/bin/bash
# init.sh HOME NAME : pid 1 of a host. Puts the host's own folders where libvirt looks for them, says
# that it is ready, and reaps orphans for ever. Its death is the host's power loss.
set -eu
home=$1
mount --make-rprivate /
hostname "$2"
for pair in run:/run/libvirt lib:/var/lib/libvirt etc:/etc/libvirt log:/var/log/libvirt \
    cache:/var/cache/libvirt hosts:/etc/hosts; do
    mount --bind "$home/${pair%%:*}" "${pair#*:}"
done
touch "$home/booted"
while :; do
    sleep infinity &
    wait $! || true
done
