# shellcheck shell=bash
# processes.sh: starting, finding and killing. Sourced.
#
# A process of the lab carries CARAVAN_LAB and CARAVAN_LAB_PROCESS in its environment, and is found by
# them (census.py): no pid file goes stale, and one started by hand is seen as well.
until_true() { # SECONDS COMMAND...
    local deadline=$((SECONDS + $1)); shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt "$deadline" ] || { echo "lab: gave up waiting for: $*" >&2; return 1; }
        sleep 0.05
    done
}

inside() { # NODE COMMAND... : in the node's network
    local node=$1; shift
    nsenter --net="/run/netns/$(netns "$node")" -- "$@"
}
in_host() { # HOST COMMAND... : in all namespaces of a running host
    local host=$1 init; shift
    init=$(pid_of "host.$host") || die "host $host is off: ops/lab start host.$host"
    nsenter -t "$init" -m -u -i -n -p -- "$@"
}

census() { python3 "$KIT/census.py" "$@"; }
pid_of() { census --pid "$1"; }
is_running() { pid_of "$1" >/dev/null; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }

spawn() { # NAME COMMAND... : in this network namespace
    local name=$1; shift
    CARAVAN_LAB=$LAB CARAVAN_LAB_PROCESS=$name setsid "$@" >>"$LAB/log/$name" 2>&1 </dev/null 8<&- &
    disown
}
spawn_in() { # NODE NAME COMMAND...
    local node=$1 name=$2; shift 2
    spawn "$name" nsenter --net="/run/netns/$(netns "$node")" -- "$@"
}
spawn_in_host() { # HOST NAME COMMAND... : a child of the host's init, so that it dies with the host
    local host=$1 name=$2; shift 2
    # shellcheck disable=SC2016  # the inner shell expands
    in_host "$host" env CARAVAN_LAB="$LAB" CARAVAN_LAB_PROCESS="$name" bash -c \
        'setsid "${@:2}" >>"$1" 2>&1 </dev/null & disown' lab "$LAB/log/$name" "$@"
}

kill_process() { # NAME : kill -9, and gone when this returns
    local pid
    pid=$(pid_of "$1") || die "$1 does not run"
    kill -KILL "$pid"
    until_true 10 is_gone "$pid"
}
