#!/bin/bash
# moves.sh: guests that keep changing their memory and disk go there and back, by difference to the
# base image and as a whole disk, one at a time and three at once.
set -euo pipefail
# shellcheck source=tests/lab/stage.bash
. "$(dirname "$(readlink -f "$0")")/stage.bash"

begin() { # VM
    boot "$1" --cow 16
    dirty_guest "$1" 1
}
migrate() { # VM FROM TO MODE
    caravan_at "$2" migrate "$1" --to "$3" --mode "$4" --wait --deadline 120s -o json \
        >"$evidence/migrate-$1" 2>&1
}
remark() { # VM... : what the cloud says of each
    local vm
    for vm in "$@"; do
        echo "$vm down for $(field_of downtime_ms <"$evidence/migrate-$vm") ms"
    done | paste -sd, | sed 's/,/, /g'
}

run_case() { # NAME FROM TO MODE VM...
    local name=$1 from=$2 to=$3 mode=$4 vm wire moving=()
    shift 4
    open_case
    wire=$(wire_bytes)
    for vm in "$@"; do
        migrate "$vm" "$from" "$to" "$mode" &
        moving+=($!)
    done
    for vm in "$@"; do
        wait "${moving[0]}" || fault "$vm: $(<"$evidence/migrate-$vm")"
        moving=("${moving[@]:1}")
    done
    check_world "${@/%/=$to}"
    close_case "$name" "$(($(wire_bytes) - wire >> 20)) MiB on the WAN, $(remark "$@")"
}

raise --hosts 2
begin sge-1
run_case "cow there" thales umea cow sge-1
run_case "cow back" umea thales cow sge-1
run_case "disk there" thales umea disk sge-1
run_case "disk back" umea thales disk sge-1
begin sge-2
begin sge-3
# sge-1 was copied whole and stands on no base image any more; the others cross by their difference.
run_case "three at once there" thales umea auto sge-1 sge-2 sge-3
run_case "three at once back" umea thales auto sge-1 sge-2 sge-3
