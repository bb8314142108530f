#!/bin/bash
# failures.sh [NAME...]: whatever dies or is cut off, one copy runs, the saga ends, nothing is left.
#
# One lab, one guest, which goes on from where the case before left it. A case begins a migration to
# the other cloud, waits until it is as far as WHEN says, and does HARM, which heals by itself:
#   WHEN  wire MIB (so much has crossed the WAN: 32 are the disk, the rest is memory) | phase NAME
#   HARM  commands of ops/lab, or: sleep SECONDS, abort, kill-copy (the destination's QEMU), until
#         PHASE, watch (a neighbour talks to the guest to the end: no pause is longer than the stall
#         timer and 1 s)
#   END   of the migration: undone, done (a copy is tried twice), or either, which the clock decides
# FROM, TO and HOST stand for the two clouds and for the host that the guest leaves; GATE and OPEN cut
# and heal the control links of the destination's hosts, so that none can be told to resume its copy:
# that holds a migration between pivot and acquire.
set -euo pipefail
# shellcheck source=tests/lab/stage.bash
. "$(dirname "$(readlink -f "$0")")/stage.bash"

vm=sge-1
freeze_max=8000 # ms
gate='cut control.TO.h1; cut control.TO.h2'
cases='
abort in copy                 | wire 12 | abort                                                | undone
source proxy killed           | wire 12 | kill proxy.FROM; sleep 3; start proxy.FROM           | either
destination QEMU killed       | wire 12 | kill-copy                                            | either
source agent killed           | wire 12 | kill agent.HOST; sleep 2; start agent.HOST           | either
destination controller killed | wire 12 | kill controller.TO; sleep 2; start controller.TO     | either
'
# Run only by name: see known.md.
apart='
source controller killed      | wire 12 | kill controller.FROM; sleep 2; start controller.FROM | either
WAN black in the disk phase   | wire 12 | watch; cut wan; sleep 30; heal wan                   | either
WAN black in the memory phase | wire 60 | watch; cut wan; sleep 30; heal wan                   | either
WAN black after the pivot     | wire 60 | GATE; until acquire run-right; cut wan; OPEN; sleep 30; heal wan | done
source controller killed after the pivot | wire 60 | GATE; until acquire run-right; kill controller.FROM; OPEN; sleep 2; start controller.FROM | done
destination controller killed after the pivot | wire 60 | GATE; until acquire run-right; kill controller.TO; OPEN; sleep 2; start controller.TO | done
'

# A destination that says no: by name, and before a byte of the guest is copied.
#   NAME | what makes it refuse; heal_ and the same name undoes it | the reason
refusals='
no base image at the destination | no_image | no_base_image
no capacity at the destination   | full     | no_capacity
MAC in use at the destination    | twin     | mac_taken
'

look_again() { # what an agent finds when it starts is what its cloud knows
    local host
    for host in $(hosts "$to"); do lab kill "agent.$host"; lab start "agent.$host"; done
    sleep 3
}
neighbour() { # HOST NAME RAM MAC : a guest that is defined there and does not run
    make_overlay "$1" "$2" 128
    sed -e "s/@name@/$2/g; s/@ram@/$3/; s/@van@/$VAN/; s/@address@/10.9.0.9/; s/@mac@/$4/" \
        -e "s/@uuid@/$(cat /proc/sys/kernel/random/uuid)/" "$KIT/guest/domain.xml" >"$evidence/$2.xml"
    on "$1" define "$evidence/$2.xml" >/dev/null
}
no_neighbour() { # HOST NAME
    on "$1" undefine "$2" >/dev/null
    rm -f "$(host_home "$1")/lib/images/$2".*
}
no_image() { for host in $(hosts "$to"); do mv "$(host_home "$host")"/lib/images/base.{img,away}; done; }
heal_no_image() { for host in $(hosts "$to"); do mv "$(host_home "$host")"/lib/images/base.{away,img}; done; }
full() { # memory is what it lacks: all but 64 MiB of each host are promised
    for host in $(hosts "$to"); do
        neighbour "$host" "full-${host#*.}" "$(on "$host" nodeinfo |
            awk '/^Memory size/ { print int($3 / 1024) - 64 }')" 52:54:00:0a:00:0"${host##*.h}"
    done
}
heal_full() { for host in $(hosts "$to"); do no_neighbour "$host" "full-${host#*.}"; done; }
twin() { neighbour "$to.h2" twin 96 "$(guest_mac $vm)"; }
heal_twin() { no_neighbour "$to.h2" twin; }

run_refusal() { # NAME MAKE REASON
    local from to host wire rc=0 said
    open_case
    where_to
    "$2"
    look_again
    wire=$(wire_bytes)
    said=$(caravan_at "$from" migrate $vm --to "$to" --wait --deadline 60s -o json 2>&1) || rc=$?
    wire=$(($(wire_bytes) - wire))
    [ "$rc" = 3 ] || fault "exit $rc instead of 3: $said"
    [[ $said == *"\"$3\""* || $said == *"($3)"* ]] || fault "the reason is not $3: $said"
    [ $wire -lt $((256 << 10)) ] || fault "$wire bytes crossed the WAN"
    "heal_$2"
    look_again
    check_world "$vm=$from"
    close_case "$1" "$3, $wire bytes on the WAN"
}

do_harm() { # HARM, of $id, which goes FROM -> TO
    local word words
    while read -r -a words; do
        for word in "${!words[@]}"; do
            words[word]=${words[word]/FROM/$from}
            words[word]=${words[word]/TO/$to}
            words[word]=${words[word]/HOST/$host}
        done
        case ${words[0]:-} in
            sleep) sleep "${words[1]}" ;;
            until) until_true 60 phase_is "$from" "$id" "${words[*]:1}" ||
                fault "it never came to ${words[*]:1}" ;;
            watch) watch_guest $vm "$from" ;;
            abort) caravan_at "$from" abort "$id" >/dev/null || fault "abort was refused" ;;
            kill-copy) lab kill "$(census | awk -v q="qemu.$vm@$to" 'index($1, q) == 1 { print $1 }')" ;;
            *) lab "${words[@]}" >"$evidence/harm" 2>&1 || fault "${words[*]}: $(<"$evidence/harm")" ;;
        esac
    done < <(sed "s/GATE/$gate/; s/OPEN/${gate//cut/heal}/" <<<"$1" | tr ';' '\n')
}

where_to() { # sets from, to and host by what the hypervisors say
    local candidate
    from=$(place_of $vm) to=umea
    [ "$from" != umea ] || to=thales
    for candidate in $(hosts "$from"); do
        [ "$(on "$candidate" domstate $vm 2>/dev/null)" != running ] || host=$candidate
    done
}
begin_migration() { # sets id
    id=$(caravan_at "$from" migrate $vm --to "$to" --no-wait -o json 2>"$evidence/migrate" | field_of id)
    [ -n "$id" ] || { fault "migrate: $(<"$evidence/migrate")"; return 1; }
}
until_when() { # WHEN WIRE-BYTES-BEFORE
    case $1 in
        wire*) until_true 60 wire_passed $(($2 + (${1#wire } << 20))) ;;
        phase*) until_true 60 phase_is "$from" "$id" "${1#phase }" ;;
    esac || { fault "it never came to \"$1\""; return 1; }
}

run_case() { # NAME WHEN HARM EXPECTED
    local wire state='' reason='' place from to host='' id frozen=''
    open_case
    where_to
    wire=$(wire_bytes)
    if begin_migration && until_when "$2" "$wire"; then
        do_harm "$3"
        until_true 90 has_ended "$from" "$id" || fault "it has not ended after 90 s"
        state=$(migration_field "$from" "$id" state) reason=$(migration_field "$from" "$id" reason)
        [ "$4" = either ] || [ "$state" = "$4" ] || fault "it ended $state, not $4"
    fi
    place=$from
    [ "$state" != "done" ] || place=$to
    check_world "$vm=$place"
    [ -z "${watchers[*]}" ] || end_watch $freeze_max
    close_case "$1" "$from to $to was $state${reason:+, $reason}${frozen:+, frozen for $frozen ms}"
}

rows() { grep . | sed -E 's/ *\| */|/g'; } # the table's lines, columns trimmed
wanted() { # NAME
    local name
    [ ${#names[@]} -gt 0 ] || return 0
    for name in "${names[@]}"; do [ "$name" != "$1" ] || return 0; done
    return 1
}

names=("$@")
[ ${#names[@]} = 0 ] || cases+=$apart
raise --hosts 2
lab vm $vm --cow 32 --ram 96 >/dev/null
lab guest $vm dirty mem 256 >/dev/null
lab guest $vm dirty disk 256 >/dev/null
while IFS='|' read -r -u 4 name when harm expected; do
    ! wanted "$name" || run_case "$name" "$when" "$harm" "$expected"
done 4< <(rows <<<"$cases")
while IFS='|' read -r -u 4 name make reason; do
    ! wanted "$name" || run_refusal "$name" "$make" "$reason"
done 4< <(rows <<<"$refusals")
