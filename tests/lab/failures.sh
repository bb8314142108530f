#!/bin/bash
# failures.sh [NAME...]: whatever dies or is cut off, one copy runs, the saga ends, nothing is left.
#
# One lab, one guest, which goes on from where the case before left it, writing to its disk and to its
# memory. A case begins a migration to the other cloud, waits until it is as far as WHEN says, and does
# HARM, which heals by itself. A neighbour talks to the guest from before until after.
#   WHEN  wire MIB (so much has crossed the WAN) | memory MIB (so much of it was copied, by libvirt) |
#         held MESSAGE CLOUD [source] (ops/lab hold: libvirt's message has come there and waits)
#   HARM  commands of ops/lab, or: sleep SECONDS, abort, kill-copy (the destination's QEMU), until
#         PHASE, undecided (both copies are there and paused, and no record says whose the VM is)
#   END   of the migration: undone, done (a copy is tried twice), or either, which the clock decides
#   FROZEN  the longest time, ms, in which the guest may not answer or finish no write; - any
# FROM, TO and HOST stand for the two clouds and for the host that the guest leaves; GATE and OPEN cut
# and heal the control links of the destination's hosts, so that none can be told to resume its copy:
# that holds a migration between pivot and acquire.
set -euo pipefail
# shellcheck source=tests/lab/stage.bash
. "$(dirname "$(readlink -f "$0")")/stage.bash"

vm=sge-1
stalled=8000 # ms: the stall timer and one second
gate='cut control.TO.h1; cut control.TO.h2'
cases="
abort in copy                 | wire 12   | abort                                                | undone | -
source proxy killed           | wire 12   | kill proxy.FROM; sleep 3; start proxy.FROM           | either | -
destination QEMU killed       | wire 12   | kill-copy                                            | either | -
source agent killed           | wire 12   | kill agent.HOST; sleep 2; start agent.HOST           | either | -
source controller killed      | wire 12   | kill controller.FROM; sleep 2; start controller.FROM | either | -
destination controller killed | wire 12   | kill controller.TO; sleep 2; start controller.TO     | either | -
WAN black in the disk phase   | wire 12   | cut wan; sleep 30; heal wan                          | either | $stalled
WAN black in the memory phase | memory 10 | cut wan; sleep 30; heal wan                          | either | $stalled
WAN black at switchover       | held finish-call TO | cut wan; pass TO; sleep 30; heal wan       | either | -
Finish call lost              | held finish-call TO         | drop TO                            | either | -
Finish reply lost before the gates | held finish-reply TO   | drop TO                            | either | -
Finish reply lost after the gates  | held finish-reply FROM source | drop FROM                   | done   | -
nobody there to decide        | held finish-reply TO | kill controller.FROM; kill controller.TO; kill libvirtd.HOST; drop TO; undecided; start libvirtd.HOST; start controller.TO; start controller.FROM | done | -
WAN black after the pivot     | wire 12   | GATE; until acquire run-right; cut wan; OPEN; sleep 30; heal wan | done | -
source controller killed after the pivot      | wire 12 | GATE; until acquire run-right; kill controller.FROM; OPEN; sleep 2; start controller.FROM | done | -
destination controller killed after the pivot | wire 12 | GATE; until acquire run-right; kill controller.TO; OPEN; sleep 2; start controller.TO | done | -
"

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

named() { # WORDS : with the clouds' and the host's names
    local text=${1//FROM/$from}
    text=${text//TO/$to}
    echo "${text//HOST/$host}"
}
do_harm() { # HARM, of $id, which goes FROM -> TO
    local words
    while read -r -a words; do
        case ${words[0]:-} in
            sleep) sleep "${words[1]}" ;;
            until) patiently 60 phase_is "$from" "$id" "${words[*]:1}" ||
                fault "it never came to ${words[*]:1}" ;;
            undecided) check_undecided ;;
            abort) caravan_at "$from" abort "$id" >/dev/null || fault "abort was refused" ;;
            kill-copy) lab kill "$(census | awk -v q="qemu.$vm@$to" 'index($1, q) == 1 { print $1 }')" ;;
            *) lab "${words[@]}" >"$evidence/harm" 2>&1 || fault "${words[*]}: $(<"$evidence/harm")" ;;
        esac
    done < <(named "$(sed "s/GATE/$gate/; s/OPEN/${gate//cut/heal}/" <<<"$1")" | tr ';' '\n')
}
# The moment in which nobody may go on: two copies, both still, and no record says whose the VM is.
check_undecided() {
    local cloud
    [ "$(recorded "$from" vm.run_right_released)" = 0 ] || fault "the run-right is released"
    [ "$(census | grep -c "^qemu.$vm@")" = 2 ] || fault "not two copies: $(census | grep "^qemu.$vm@")"
    for cloud in $from $to; do
        ! inside "$cloud.peer" ping -q -i 0.1 -c 20 -W 1 "$(guest_address $vm)" >/dev/null ||
            fault "a copy answers in $cloud"
    done
}
recorded() { # CLOUD TYPE -> how many such facts of this migration its journal holds; asks no process
    python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("select count(*) from events where type = ? and event like ?",
    ("caravan." + sys.argv[2], "%" + sys.argv[3] + "%")).fetchone()[0])' \
        "$(cloud_home "$1")/data/journal.db" "$2" "$id"
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
    local words
    read -r -a words <<<"$1"
    case ${words[0]} in
        wire) patiently 60 wire_passed $(($2 + (words[1] << 20))) ;;
        memory) patiently 60 memory_passed "$host" $vm $((words[1] << 20)) ;;
        held) patiently 60 lab held "${words[2]}" ;;
    esac || { fault "it never came to \"$1\""; return 1; }
}

run_case() { # NAME WHEN HARM EXPECTED FROZEN-MOST
    local wire when state='' reason='' place from to host='' id
    open_case
    where_to
    when=$(named "$2")
    watch_guest $vm "$from"
    wire=$(wire_bytes)
    # shellcheck disable=SC2086  # words
    [[ $when != held* ]] || lab hold ${when#held }
    if begin_migration && until_when "$when" "$wire"; then
        do_harm "$3"
        patiently 90 has_ended "$from" "$id" || fault "it has not ended"
        state=$(migration_field "$from" "$id" state) reason=$(migration_field "$from" "$id" reason)
        [ "$4" = either ] || [ "$state" = "$4" ] || fault "it ended $state, not $4"
    fi
    lab unhold "$from"
    lab unhold "$to"
    place=$from
    [ "$state" != "done" ] || place=$to
    end_watch "$5" # before the guest checks its disk, in which time it writes nothing
    check_world "$vm=$place"
    close_case "$1" "$from to $to was $state${reason:+, $reason}; $frozen"
}

rows() { grep . | sed -E 's/ *\| */|/g'; } # the table's lines, columns trimmed
wanted() { # NAME
    local name
    [ ${#names[@]} -gt 0 ] || return 0
    for name in "${names[@]}"; do [ "$name" != "$1" ] || return 0; done
    return 1
}

names=("$@")
raise --hosts 2
boot $vm --cow 32 --ram 96
lab guest $vm dirty mem 256 >/dev/null
lab guest $vm dirty disk 1024 >/dev/null
while IFS='|' read -r -u 4 name when harm expected frozen_most; do
    ! wanted "$name" || run_case "$name" "$when" "$harm" "$expected" "$frozen_most"
done 4< <(rows <<<"$cases")
while IFS='|' read -r -u 4 name make reason; do
    ! wanted "$name" || run_refusal "$name" "$make" "$reason"
done 4< <(rows <<<"$refusals")
