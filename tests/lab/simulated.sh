#!/bin/bash
# simulated.sh: two clouds of processes on simulated hosts, as any user may have them: a VM goes there and
# back through both proxies while agents are killed, and nothing is left. Needs no root; as root it gives
# root up first.
set -euo pipefail
if [ "$(id -u)" = 0 ] && setpriv --reuid=nobody --regid=nogroup --clear-groups test -r "$0"; then
    home=$(mktemp -d)
    chown nobody "$home"
    # shellcheck disable=SC2012  # names of our own build folders
    program=${CARAVAN:-$(ls -t "$(dirname "$0")"/../../build/*/ops/caravan/caravan | head -1)}
    install -m 755 "$program" "$home/caravan"
    rc=0
    setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME="$home" TMPDIR="$home" LAB="$home/lab" \
        CARAVAN="$home/caravan" "$0" "$@" || rc=$?
    rm -rf "$home"
    exit $rc
fi
: "${LAB:=$(mktemp -d)/lab}" "${NS:=cvs-}"
export LAB NS
# shellcheck source=tests/lab/stage.bash
. "$(dirname "$(readlink -f "$0")")/stage.bash"
# shellcheck source=ops/labkit/simulated.sh
. "$root/ops/labkit/simulated.sh"

vm=sge-1
agents() { lab kill "agent.$1" && lab start "agent.$1"; }
migrate() { # FROM TO [OPTION...]
    caravan_at "$1" migrate $vm --to "$2" --wait --deadline 60s -o json "${@:3}" >"$evidence/migrate" 2>&1
}
check() { # CLOUD
    check_world "$vm=$1"
}

case_moves() { # NAME FROM TO MODE
    open_case
    migrate "$2" "$3" --mode "$4" || fault "$(<"$evidence/migrate")"
    check "$3"
    close_case "$1" "$(field_of downtime_ms <"$evidence/migrate") ms down"
}
case_restarted() { # the VM outlives its agent
    open_case
    local host
    for host in $(hosts thales); do agents "$host"; done
    check thales
    patiently 10 knows thales running || fault "thales lost sight of $vm"
    close_case "its agent killed and started" "it runs on"
}
knows() { [ "$(caravan_at "$1" vms $vm -o json | field_of state)" = "$2" ]; }

case_cut() { # an agent dies in the middle of a copy, which is then aborted
    open_case
    local id
    id=$(caravan_at thales migrate $vm --to umea --no-wait --bandwidth 10MiB/s --deadline 60s -o json | field_of id)
    patiently 20 copied "$id" || fault "no byte was copied"
    agents thales.h1
    caravan_at thales abort "$id" >/dev/null || fault "it cannot be aborted"
    patiently 20 has_ended thales "$id" || fault "it does not end: $(caravan_at thales migrations "$id")"
    check thales
    close_case "source agent killed in copy, then aborted" "$(migration_field thales "$id" state)"
}
copied() { caravan_at thales migrations "$1" -o json | grep -q '"disk_bytes":[1-9]'; }

case_untold() { # the feeds are out of reach: it is seen, nothing is told, and it goes on once they are back
    open_case
    local id
    lab cut feed
    patiently 10 feed_is hindered || fault "thales does not say so: $(caravan_at thales clouds)"
    id=$(caravan_at thales migrate $vm --to umea --no-wait --deadline 60s -o json | field_of id)
    patiently 5 written "$id" || fault "the migration is not on record"
    sleep 1
    ! grep -q "$id" "$LAB"/feeds.cut/* || fault "a feed that is cut was told of it"
    lab heal feed
    patiently 30 has_ended thales "$id" || fault "it does not end: $(caravan_at thales migrations "$id")"
    patiently 10 feed_is listening || fault "thales does not see that they are back: $(caravan_at thales clouds)"
    check umea
    close_case "feeds out of reach" "$(migration_field thales "$id" state)"
}
feed_is() { [ "$(caravan_at thales clouds umea -o json | field_of state)" = "$1" ]; }
written() { [ -n "$(migration_field thales "$1" state)" ]; }

case_killed() { # a VM that is gone is said to be off
    open_case
    local where
    where=$(place_of $vm)
    lab kill "qemu.$vm@$(hosts "$where" | while read -r h; do [ -z "$(state_of $vm "$h")" ] || echo "$h"; done)"
    patiently 10 knows "$where" stopped || fault "$where still thinks that it runs"
    close_case "its process killed" "seen"
}
place_of() { # VM
    local host
    for host in $(hosts); do [ "$(state_of "$1" "$host")" != running ] || cloud_of "$host"; done
}

raise --simulated --rate 100
lab vm $vm --cow 8 --disk 96
case_moves "cow there" thales umea cow
case_moves "disk back" umea thales disk
case_restarted
case_cut
case_untold
case_killed
