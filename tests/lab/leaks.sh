#!/bin/bash
# leaks.sh: what leaves a cloud, read in clear where it leaves it: no byte of the control, memory and
# disk streams, of the proxies' records and of the feeds tells of either cloud's inside. The same search
# finds what is planted, and the gate itself refuses what would tell.
set -euo pipefail
# shellcheck source=tests/lab/stage.bash
. "$(dirname "$(readlink -f "$0")")/stage.bash"

vm=sge-1
name=$(host_name thales.h1)

move() { # FROM TO MODE : with everything that crosses recorded
    rm -rf "$evidence/crossed"
    lab capture start "$evidence/crossed" >/dev/null
    caravan_at "$1" migrate $vm --to "$2" --mode "$3" --wait --deadline 300s >"$evidence/migrate" 2>&1 ||
        fault "$(<"$evidence/migrate")"
    sleep 1
    lab capture stop "$evidence/crossed" >/dev/null
    gather_evidence "$evidence/crossed"
}
run_clean() { # FROM TO MODE
    open_case
    move "$@"
    proof leaks "$evidence/crossed" >"$evidence/leaks" || fault "$(grep -v ^read "$evidence/leaks")"
    check_world "$vm=$2"
    close_case "nothing inside leaves, $3" "$(sed 's/^read //' "$evidence/leaks" | paste -sd, | sed 's/,/, /g')"
}

# The guest is told the name (it keeps the line that it heard), and its disk holds it; a feed too.
run_planted() { # FROM TO
    local where teller
    open_case
    { yes "$name" || true; } | head -c 65536 >"$(host_home "$1.h1")/lib/images/plant"
    on "$1.h1" qemu-monitor-command $vm --hmp "qemu-io -d /machine/peripheral/virtio-disk0/virtio-backend \
        \"write -s /var/lib/libvirt/images/plant 100M 64k\"" >"$evidence/plant"
    [ -z "$(tr -d ' \r\n' <"$evidence/plant")" ] || fault "planting: $(<"$evidence/plant")"
    rm "$(host_home "$1.h1")/lib/images/plant"
    # shellcheck disable=SC2016  # the inner shell expands
    inside "$1.peer" bash -c 'exec 3<>"/dev/tcp/$0/9000" && echo "status $1" >&3 && read -r answer <&3 && touch "$2" && sleep 600' \
        "$(guest_address $vm)" "$name" "$evidence/told" 9<&- &
    teller=$!
    until_true 20 test -e "$evidence/told" || fault "the guest was not told"
    move "$1" "$2" auto
    kill $teller
    echo "it runs on $name" >"$evidence/crossed/feeds/planted"
    ! proof leaks "$evidence/crossed" >"$evidence/leaks" || fault "the search found nothing"
    for where in 'nbd, sent' 'mem, sent' feeds; do
        grep -qxF "leak in $where: host name $name" "$evidence/leaks" || fault "not found in $where"
    done
    check_world "$vm=$2"
    close_case "a planted leak is found" "in the guest's memory, on its disk, in a feed"
}

knows_of() { # CLOUD TEXT : its agent has told of a VM's new definition
    caravan_at "$1" events --type vm.changed -o json | grep -q "$2"
}

# A VM that was told where it runs on its kernel's command line: that would cross with its definition.
run_tripwire() { # FROM TO
    local rc=0 said vm=sge-2 name
    open_case
    name=$(host_name "$1.h1")
    boot $vm --host "$1.h1"
    on "$1.h1" destroy $vm >/dev/null
    on "$1.h1" dumpxml --inactive $vm | sed "s/quiet/quiet on=$name/" >"$evidence/told.xml"
    on "$1.h1" define "$evidence/told.xml" >/dev/null
    on "$1.h1" start $vm >/dev/null
    until_true 30 knows_of "$1" "on=$name" || fault "$1 does not see how $vm is defined"
    said=$(caravan_at "$1" migrate $vm --to "$2" --wait --deadline 60s -o json 2>&1) || rc=$?
    [ "$(field_of state <<<"${said##*$'\n'}")" = undone ] || fault "it ended with $rc: $said"
    caravan_at "$1" events --type proxy.channel_refused -o json >"$evidence/refused"
    grep -q '"reason":"inside_name"' "$evidence/refused" || fault "no event says so: $(<"$evidence/refused")"
    close_case "the gate refuses a definition that tells" "$(field_of reason <<<"${said##*$'\n'}")"
}

raise --hosts 1
boot $vm --cow 16
on thales.h1 desc $vm --live --config --title "on $name" >/dev/null
on thales.h1 desc $vm --live --config "image /var/lib/libvirt/images/$vm.qcow2" >/dev/null
dirty_guest $vm 1
run_clean thales umea cow
run_clean umea thales disk
run_planted thales umea
run_tripwire umea thales
