#!/bin/bash
# lab_script.sh QUESTION…: what libvirt_world.hpp asks of a lab, answered by ops/labkit in a lab that is up
# --plain (tests/lab/contract.sh). LAB and NS say which, CARAVAN_GATE_RELAY is the program gate_relay.
set -euo pipefail
# shellcheck source=ops/labkit/kit.sh
. "$(dirname "$(readlink -f "$0")")/../../../ops/labkit/kit.sh"
load

host_of() { case $1 in source) echo thales.h1 ;; destination) echo umea.h1 ;; esac; }
both() { host_of source; host_of destination; }

answer() { # QUESTION…
    local host
    case $1 in
        reset)
            reap
            wan_order "rate 160" >/dev/null
            for host in $(both); do alive "$host"; clear_host "$host"; done
            rm -f "$LAB"/vms/*; rmdir "$LAB"/vms/.[0-9]* 2>/dev/null || true ;;
        enter) host=$(host_of "$2"); shift 2; in_host "$host" "$@" ;;
        boot)
            "$ROOT/ops/lab" vm "$2" --cow 4 >/dev/null
            ask "$2" 'dirty mem 500' >/dev/null
            ask "$2" 'dirty disk 500' >/dev/null ;;
        connect) gated_relays "${@:2}" ;;
        disconnect) reap_of "caravan-$2" ;;
        slow) if [ "$2" = on ]; then wan_order "rate 16"; else wan_order "rate 160"; fi >/dev/null ;;
        daemon) kill_process "libvirtd.$(host_of "$2")"; start_libvirtd "$(host_of "$2")" ;;
        power)
            host=$(host_of "$2")
            kill_process "host.$host"
            start_host "$host" ;;
        qemu) kill_process "qemu.$3@$(host_of "$2")" ;;
        shut) on "$(host_of "$2")" destroy "$3" >/dev/null ;;
        hang) hang "$(host_of "$2")" "$3" ;;
        whole) whole "$2" ;;
        leftovers) leftovers "$(host_of "$2")" "$3" "$4" ;;
        *) die "what is $1?" ;;
    esac
}

# ---- streams: as for a plain migration, but ctl passes the gates
gated_relays() { # JOB VM UUID WHOLE-DISK LIVE-XML PERSISTENT-XML
    local job=caravan-$1 from to gate=$LAB/run/gate-$1 uris=() side
    from=$(host_of source) to=$(host_of destination)
    for side in a b; do # the same paths inside both hosts
        uris+=("$side.mem=unix:///var/lib/libvirt/qemu/$job-mem.sock" "$side.nbd=unix:///var/lib/libvirt/qemu/$job-nbd.sock")
    done
    spawn "gate.$job" "$CARAVAN_GATE_RELAY" "$gate" "$(host_home "$to")/run/libvirt-sock" /dev/null /dev/null \
        id="$1" vm="$2" uuid="$3" whole_disk="$4" "${uris[@]}" b.live="$5" b.persistent="$6"
    until_true 5 test -S "$gate"
    relays_up "$job" "$from" "$to" $((7000 + 10 * ${1: -1})) "$gate"
}
reap_of() { # JOB : the gate first
    local pid
    if pid=$(pid_of "gate.$1"); then kill -KILL "$pid"; fi
    relays_down "$1" "$(host_of source)" "$(host_of destination)"
    rm -f "$LAB/run/gate-${1#caravan-}"
}
reap() {
    local job
    for job in $(census | awk '/^(relay|gate)[.]/ { split($1, part, "."); print part[2] }' | sort -u); do
        reap_of "$job"
    done
}

# ---- hosts
alive() { # HOST
    is_running "host.$1" || start_host "$1"
    is_running "libvirtd.$1" || start_libvirtd "$1"
    until_true 20 on "$1" list
}
clear_host() { # HOST
    local vm lib
    lib=$(host_home "$1")/lib
    for vm in $(on "$1" list --all --name); do
        on "$1" destroy "$vm" >/dev/null 2>&1 || true
        on "$1" undefine "$vm" >/dev/null 2>&1 || true
    done
    rm -f "$lib"/images/{*.qcow2,*.console,.caravan-job-*} "$lib"/qemu/caravan-*.sock
    on "$1" pool-refresh images >/dev/null
}
hang() { # HOST VM : stopped, and a question about it under way
    kill -STOP "$(pid_of "qemu.$2@$1")"
    on "$1" domblkstat "$2" >/dev/null 2>&1 8<&- &
    until_true 20 is_held "$1" "$2"
}
is_held() { on "$1" domcontrol "$2" | grep -q '^occupied'; }
whole() { # VM : all that it wrote is there
    local verdict='no answer'
    for _ in 1 2 3 4 5; do # a neighbour finds it once it has spoken in its new place
        verdict=$(ask "$1" verify umea 2>/dev/null) || continue
        [[ $verdict != "verify ok"* ]] || return 0
        break
    done
    die "$1: $verdict"
}
leftovers() { # HOST VM JOB
    on "$1" list --all --name | grep -x "$2" | sed 's/^/domain /' || true
    in_host "$1" pgrep -af "guest=$2," || true
    find "$(host_home "$1")/lib" "$(host_home "$1")/run" -name "*$3*" -o -name "$2[.-]*" -path '*images*' \
        -o -name "$2.*" -path '*run/libvirt*'
}

answer "$@"
