#!/bin/bash
# refusals.sh: a peer cloud that is hostile: with its own certificate and a live ticket it asks the
# other's libvirt for more than its migration, or it shows a ticket that is none. Each is refused by
# name, and each refusal is an event in the journal of the cloud that refused.
set -euo pipefail
# shellcheck source=tests/lab/stage.bash
. "$(dirname "$(readlink -f "$0")")/stage.bash"

from=thales to=umea

# A migration whose channel is open and whose copy does not begin: the source's agent is not reached.
hold_open() { # VM [DEADLINE] : sets id and ticket
    lab cut control.$from.h1
    id=$(caravan_at $from migrate "$1" --to $to --deadline "${2:-120s}" --no-wait -o json 2>"$evidence/migrate" |
        field_of id)
    [ -n "$id" ] || die "migrate: $(<"$evidence/migrate")"
    patiently 30 opened_there "$id" || die "its channel does not open: $(told $from "$id")"
    ticket=$(told $from "$id" | ticket_in)
}
told() { caravan_at "$1" events "$2" -o json; }
ticket_in() { # the last ticket in events on stdin
    python3 -c 'import json, sys
found = [json.loads(line)["data"] for line in sys.stdin if "migration.admitted" in line]
print(json.dumps(found[-1]["ticket"]))'
}
opened_there() { # ID
    told $from "$1" | grep '"caravan.migration.step_done"' | grep -q '"at":"destination".*"step":3\|"step":3.*"at":"destination"'
}
let_go() { # ID...
    local one
    lab heal control.$from.h1
    for one in "$@"; do
        caravan_at $from abort "$one" >/dev/null 2>&1 || true
        patiently 60 has_ended $from "$one" || fault "$one has not ended"
    done
}

show() { # ID TICKET [CALL] -> what the peer is told
    inside $from.p1 python3 "$root/tests/lab/peer.py" "$(cloud_home $from)/pki" \
        "$(cloud_home $to)/pki/ca.pem" "$(wan_address $to):7500" "$@" 2>&1 || echo "failed"
}
is_event() { # ID REASON : in the journal of the cloud that refused
    caravan_at $to events --type proxy.channel_refused -o json | grep "$1" | grep -q "\"reason\":\"$2\""
}
check_told() { # WHAT SAID EXPECTED REASON ID
    [ "$2" = "$3" ] || fault "$1 was answered: $2"
    patiently 5 is_event "$5" "$4" 2>/dev/null || fault "$1: no event says $4"
}

# A gate that refuses closes the whole job: a migration for each.
run_call() { # CALL REASON
    local id ticket
    open_case
    hold_open sge-1
    check_told "$1" "$(show "$id" "$ticket" "$1")" "welcome
refused by the gate: $2
closed" "$2" "$id"
    let_go "$id"
    close_case "libvirt's $1" "$2, an event"
}

run_tickets() {
    local id ticket first first_ticket forged
    open_case
    hold_open sge-1
    first=$id first_ticket=$ticket
    [ "$(show "$first" "$ticket")" = welcome ] || fault "the live ticket is refused"
    forged=${ticket/budget\\\":/budget\\\":9}
    check_told "a forged ticket" "$(show "$first" "$forged")" ticket_forged ticket_forged "$first"
    hold_open sge-2
    check_told "another VM's ticket" "$(show "$first" "$ticket")" wrong_vm wrong_vm "$first"
    let_go "$first" "$id"
    check_told "a revoked ticket" "$(show "$first" "$first_ticket")" ticket_revoked ticket_revoked "$first"
    close_case "tickets" "forged, of another VM, revoked: each refused with its reason, an event each"
}
run_expired() {
    local id ticket began=$SECONDS
    open_case
    hold_open sge-1 10s
    let_go "$id"
    sleep $((began + 45 - SECONDS)) # the ticket outlives the migration by half a minute
    check_told "an expired ticket" "$(show "$id" "$ticket")" ticket_expired ticket_expired "$id"
    close_case "expired" "refused with its reason, an event"
}

# A guest that dirties its memory faster than the WAN can carry it is copied for ever, but for its ticket.
run_over_budget() {
    local id
    open_case
    lab guest sge-1 dirty mem 20000 32 >/dev/null
    wan_order "rate 400"
    id=$(caravan_at $from migrate sge-1 --to $to --deadline 300s --no-wait -o json | field_of id)
    patiently 200 has_ended $from "$id" || fault "it has not ended"
    wan_order "rate $((RATE * 8))"
    lab guest sge-1 dirty mem 100 16 >/dev/null
    is_event "$id" over_budget || fault "no event says over_budget: $(told $from "$id" | tail -3)"
    [ "$(migration_field $from "$id" state)" = undone ] || fault "it ended $(migration_field $from "$id" state)"
    close_case "over budget" "refused in the midst of its copy, an event; $(migration_field $from "$id" reason)"
}

raise --hosts 1
boot sge-1 --cow 16 --ram 128
boot sge-2 --cow 0
for call in list_domains node_info host_name undefine lookup; do run_call $call procedure_refused; done
run_call another_domain foreign_domain
run_tickets
run_expired
run_over_budget
open_case
check_world sge-1=$from sge-2=$from
close_case "afterwards" "both guests run where they were, and nothing is left"
