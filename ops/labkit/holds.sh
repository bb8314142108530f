# shellcheck shell=bash
# holds.sh: things that wait at the door of a cloud until they are let through. Sourced.
#
#   finish-call, finish-reply   a message of libvirt's, by turnstile.py: at the cloud's libvirtds, or where
#                               the channel of its source ends
#   stream LANE                 ctl, mem or nbd: passes, and breaks off when it is dropped (turnstile.py)
#   fact                        of the cloud's journal: its controller stops there (doorstop.c)
hold_message() { # MESSAGE CLOUD [source | LANE]
    local sockets=() host lane=ctl
    ! is_running "turnstile.$2" || die "something is held in $2 already: ops/lab unhold $2"
    [ "$1" != stream ] || lane=$(lane_named "${3:-}")
    for host in $(hosts "$2"); do
        if [ -n "${3:-}" ]; then sockets+=("$(host_home "$host")/lib/qemu/caravan-*-$lane.sock")
        else sockets+=("$(host_home "$host")/run/libvirt-sock"); fi
    done
    rm -f "$LAB/log/turnstile.$2"
    spawn "turnstile.$2" python3 "$KIT/turnstile.py" "$1" "${sockets[@]}"
    until_true 20 turnstile_says "$2" waiting
}
lane_named() { require_one_of lane "$1" printf '%s\n' ctl mem nbd; echo "$1"; }
turnstile_says() { grep -q "^$2" "$LAB/log/turnstile.$1" 2>/dev/null; } # CLOUD WORD

hold_fact() { # CLOUD before|after WORD... : it is written, or on disk and not yet told
    [ -n "$STOPPABLE" ] || die "controllers stop at facts in a lab that is up --stoppable"
    require_one_of moment "${2:-}" printf '%s\n' before after
    [ $# -gt 2 ] || die "which fact?"
    rm -f "$(stop_file "$1").held"
    printf '%s\n' "${@:2}" >"$(stop_file "$1").new"
    mv "$(stop_file "$1").new" "$(stop_file "$1")"
}
stop_file() { echo "$LAB/run/stop.$1"; }

is_held() { # CLOUD
    [ -e "$(stop_file "$1").held" ] || turnstile_says "$1" held
}
let_it() { # CLOUD pass|drop
    local pid
    if [ -e "$(stop_file "$1").held" ]; then
        [ "$2" = pass ] || die "a fact cannot be dropped: ops/lab kill controller.$1"
        rm "$(stop_file "$1").held"
        kill -CONT "$(pid_of "controller.$1")"
        return
    fi
    pid=$(pid_of "turnstile.$1") || die "nothing is held in $1"
    if [ "$2" = pass ]; then kill -USR1 "$pid"; else kill -USR2 "$pid"; fi
    until_true 20 grep -Eq '^(passed|lost)' "$LAB/log/turnstile.$1"
}
unhold() { # CLOUD : whatever is held there, or was to be
    rm -f "$(stop_file "$1")"
    [ ! -e "$(stop_file "$1").held" ] || let_it "$1" pass
    end_turnstile "$1"
}
end_turnstile() { # CLOUD : the real sockets are back, and what it said is nobody's any more
    local pid
    rm -f "$LAB/log/turnstile.$1"
    pid=$(pid_of "turnstile.$1") || return 0
    kill -TERM "$pid"
    until_true 20 is_gone "$pid"
}
