#!/bin/bash
# lab_script.sh: what libvirt_world.hpp asks of a lab, answered by the lab kit in $KIT (host a1 is the
# source, b1 the destination; guests' bridge on both: cv-blue). Streams pass socat relays and, at the
# destination, the gate $CONTRACT_GATE, which puts the own XML in place of the peer's.
set -euo pipefail
. "$KIT/topology.sh"
host_of() { case $1 in source) echo a1 ;; destination) echo b1 ;; esac; }
outside() { echo "$LAB/hosts/$(host_of "$1")/lib"; }
in_host() { local host=$1; shift; nsenter -t "$("$KIT/host.sh" pid "$host" init)" -m -u -n -i -p "$@"; }

clear_host() {
    local host=$1 vm
    for vm in $(on "$host" list --all --name); do
        on "$host" destroy "$vm" >/dev/null 2>&1 || true
        on "$host" undefine "$vm" >/dev/null 2>&1 || true
    done
    rm -f "$LAB/hosts/$host"/lib/images/{*.qcow2,*.console,.caravan-job-*}
    rm -f "$LAB/hosts/$host"/lib/qemu/caravan-*.sock
    on "$host" pool-refresh images >/dev/null
}
alive() { on "$1" list >/dev/null 2>&1 || until_true 20 on "$1" list; }

case $1 in
reset)
    reap 'relay-*'
    "$LAB/bin/wan" ctl "$LAB/run/wan.sock" 'rate 160' >/dev/null
    for host in a1 b1; do alive $host; clear_host $host; done ;;
enter) side=$2; shift 2; exec nsenter -t "$("$KIT/host.sh" pid "$(host_of "$side")" init)" \
    -m -u -n -i -p "$@" ;;
boot)
    "$KIT/vm.sh" define a1 "$2"
    "$KIT/vm.sh" start a1 "$2"
    ask peer-b "$2" 'dirty mem 500' >/dev/null
    ask peer-b "$2" 'dirty disk 500' >/dev/null ;;
connect)
    "$KIT/relay.sh" up "caravan-$2" a1 b1 "$((7000 + 10 * (${2: -1})))" "$3" "$4" ;;
disconnect) "$KIT/relay.sh" down "caravan-$2" ;;
slow)
    if [ "$2" = on ]; then rate=16; else rate=160; fi
    "$LAB/bin/wan" ctl "$LAB/run/wan.sock" "rate $rate" >/dev/null ;;
daemon) kill -9 "$("$KIT/host.sh" pid "$(host_of "$2")" libvirtd)"; alive "$(host_of "$2")" ;;
power)
    host=$(host_of "$2")
    "$KIT/host.sh" kill "$host"
    "$KIT/host.sh" start "$host" ;;
whole)
    for _ in 1 2 3 4 5; do
        verdict=$(ask peer-b "$2" verify 2>/dev/null) || { sleep 0.5; continue; }
        [[ $verdict == "verify ok"* ]] && exit 0
        echo "$2: $verdict" >&2
        exit 1
    done
    echo "$2 does not answer" >&2
    exit 1 ;;
leftovers)
    host=$(host_of "$2")
    on "$host" list --all --name | grep -x "$3" | sed 's/^/domain /' || true
    in_host "$host" pgrep -af "guest=$3," || true
    find "$LAB/hosts/$host/lib" "$LAB/hosts/$host/run" -name "*$4*" -o -name "$3[.-]*" -path '*images*' \
        -o -name "$3.*" -path '*run/libvirt*' ;;
*) echo "unknown: $1" >&2; exit 2 ;;
esac
