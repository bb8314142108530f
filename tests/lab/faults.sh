#!/bin/bash
# faults.sh [--seconds N | --twice] [PATTERN...]: whatever dies or is cut off, one copy runs, the saga ends,
# nothing is left. Performs the rows of faults.table whose names match, all by default.
#
#   --seconds N   a part of them, drawn by CARAVAN_SEED, as many as fit into the time
#   --twice       all of them, and all again; the end states must be the same
#   --table       nothing is performed: what earlier runs saw, from FAULTS_SEEN, as a table
#
# One lab, one guest, which goes on from where the row before left it, writing to its disk and to its
# memory. A row begins a migration to the other cloud, waits for WHEN, does HARM and lets it heal. A
# neighbour talks to the guest from before until after. Then the world is looked at (hypervisors, files,
# sockets, taps, processes), and what the clouds have on record. Each run is a line of FAULTS_SEEN.
set -euo pipefail
# shellcheck source=tests/lab/stage.bash
. "$(dirname "$(readlink -f "$0")")/stage.bash"
# shellcheck source=tests/lab/harm.bash
. "$root/tests/lab/harm.bash"

vm=sge-1
seen=${FAULTS_SEEN:-$root/build/faults.seen}
seconds='' rounds=1 table=''
names=()
while [ $# -gt 0 ]; do
    case $1 in
        --seconds) seconds=$2; shift ;;
        --twice) rounds=2 ;;
        --table) table=yes ;;
        -*) sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
        *) names+=("$1") ;;
    esac
    shift
done

# The table's lines, columns trimmed, those for many processes once for each, with the process's name in front.
rows() {
    local line set process of
    grep -v '^#' "$root/tests/lab/faults.table" | grep . | sed -E 's/ *\| */|/g; s/ +$//' | while read -r line; do
        set=$(grep -oEm1 'EACH|DEVICE|CONTROLLER|OTHER' <<<"$line" | head -1 || true)
        case $set in
            CONTROLLER) of="controller.FROM controller.TO" ;;
            DEVICE) of="proxy.FROM proxy.TO agent.FROM.h1 agent.TO.h1" ;;
            OTHER) of="controller.TO proxy.FROM proxy.TO agent.FROM.h1 agent.TO.h1" ;;
            EACH) of="controller.FROM controller.TO proxy.FROM proxy.TO agent.FROM.h1 agent.TO.h1" ;;
            *) echo "-|$line"; continue ;;
        esac
        for process in $of; do
            echo "$process|$(spoken "$process")${line#"$set"}" | sed "s/$set/$process/"
        done
    done
}
spoken() { # controller.FROM -> source controller
    local side=source
    [[ $1 != *TO* ]] || side=destination
    echo "$side ${1%%.*}"
}
wanted() { # NAME
    local pattern
    [ ${#names[@]} -gt 0 ] || return 0
    # shellcheck disable=SC2053  # a pattern
    for pattern in "${names[@]}"; do [[ $1 != $pattern ]] || return 0; done
    return 1
}

where_to() { # sets from and to by what the hypervisors say
    from=$(place_of $vm) to=umea
    [ "$from" != umea ] || to=thales
}
named() { # WORDS : with the clouds' names
    local text=${1//FROM/$from}
    echo "${text//TO/$to}"
}
begin_migration() { # sets id
    id=$(caravan_at "$from" migrate $vm --to "$to" --no-wait -o json 2>"$evidence/migrate" | field_of id)
    [ -n "$id" ] || { fault "migrate: $(<"$evidence/migrate")"; return 1; }
}
# The world as virsh has it, for the record: running, shut off, nothing.
seen_at() { # CLOUD
    local host state found=nothing
    for host in $(hosts "$1"); do
        state=$(on "$host" domstate $vm 2>/dev/null | head -1) || true
        [ -z "$state" ] || found=$state
    done
    echo "$found"
}

run_row() { # PROCESS NAME WHEN HARM END FROZEN-MOST
    local wire state='' reason='' place from to id='' world
    open_case
    where_to
    [ -n "$from" ] || die "the guest runs nowhere"
    watch_guest $vm "$from"
    wire=$(wire_bytes)
    prepare_when "$1" "$3"
    if begin_migration && until_when "$3" "$wire"; then
        do_harm "$4"
        patiently 90 has_ended "$from" "$id" || fault "it has not ended"
        state=$(migration_field "$from" "$id" state) reason=$(migration_field "$from" "$id" reason)
        [[ $5 == either || $state == "${5%,*}" ]] || late "it ended $state, not $5"
    fi
    unhold "$from"
    unhold "$to"
    place=$from
    [ "$state" != "done" ] || place=$to
    if [[ $5 == *anew ]]; then
        end_watch off
        patiently 60 keep_busy || fault "it does not answer"
    else
        end_watch "$6" # before the guest checks its disk, in which time it writes nothing
    fi
    check_world "$vm=$place"
    world="$(seen_at "$from"), $(seen_at "$to")"
    [ ${#faults[@]} = 0 ] || patiently 60 keep_busy || fault "it does not answer any more"
    note_run "$2" "$5" "$state${reason:+ ($reason)}" "$world" "$id"
    close_case "$2" "$from to $to was $state${reason:+, $reason}; $frozen"
}
run_refusal() { # NAME MAKE REASON
    local from to wire rc=0 said
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
    note_run "$1" "refused $3" "refused ($3)" "$(seen_at "$from"), $(seen_at "$to")" -
    close_case "$1" "$3, $wire bytes on the WAN"
}
note_run() { # NAME EXPECTED ENDED WORLD ID
    local verdict=held remarks=''
    [ ${#faults[@]} = 0 ] || { verdict=BROKEN; printf -v remarks '%s; ' "${faults[@]}"; }
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "$verdict" $((SECONDS - case_began)) "$5" \
        "${remarks//[$'\t\n']/ }" >>"$seen"
}

perform() { # PROCESS|NAME|WHEN|HARM|END|FROZEN
    local process name when harm end frozen_most load
    IFS='|' read -r process name when harm end frozen_most <<<"$1"
    wanted "$name" || return 0
    load=$(cut -d. -f1 /proc/loadavg)
    if [[ $end == refused* ]]; then run_refusal "$name" "$harm" "${end#refused }"
    else run_row "$process" "$name" "$when" "$harm" "$end" "$frozen_most"; fi
    # Lateness may be the machine's: with others at work on it, it is looked at once more.
    [ ${#faults[@]} -gt 0 ] && [ ${#faults[@]} = $timing ] && [ "$load" -ge 3 ] && [ -z "${again:-}" ] || return 0
    echo "again, the load was $load: $name"
    verdict=$verdict_before
    again=1 perform "$1"
}
drawn() { # SEED : lines of stdin in the order that the seed says
    awk -v seed="$1" 'BEGIN { srand(seed) } { printf "%.9f\t%s\n", rand(), $0 }' | sort -n | cut -f2-
}

[ -z "$table" ] || { rows | cut -d'|' -f2 | python3 "$root/tests/lab/seen.py" "$seen"; exit; }
mkdir -p "$(dirname "$seen")"
order="cat"
if [ -n "$seconds" ]; then
    : "${CARAVAN_SEED:=$(date +%s)}"
    echo "rows drawn by CARAVAN_SEED=$CARAVAN_SEED"
    order="drawn $CARAVAN_SEED"
fi
raise --hosts 1 --stoppable
boot $vm --cow 8 --ram 96
keep_busy
first_run=$(($(wc -l 2>/dev/null <"$seen" || echo 0) + 1))
for ((round = 0; round < rounds; round++)); do
    while read -r -u 4 row; do
        [ -z "$seconds" ] || [ $SECONDS -lt "$seconds" ] || break
        verdict_before=$verdict
        # Each in a shell of its own: what goes wrong in one row is that row's.
        (perform "$row"; exit $verdict) || verdict=1
    done 4< <(rows | $order)
done
[ $rounds = 1 ] || tail -n "+$first_run" "$seen" | python3 "$root/tests/lab/seen.py" --same || verdict=1
