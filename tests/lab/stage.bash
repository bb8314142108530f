# shellcheck shell=bash
# stage.bash: what the lab's tests share: one lab, brought up once and always torn down; looking at
# the wire and at the world; a line a case. Sourced.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${NS:=cvt-}"
# A lab of the tests' own, unless one is named: whoever keeps one up in the usual place keeps it. What is in
# the tests' own, a test that was killed has left there.
if [ -z "${LAB:-}" ]; then
    LAB=$([ "$(id -u)" = 0 ] && echo /var/lib || echo /tmp)/caravan-test tests_own=yes
fi
export ASK_TIMEOUT=${ASK_TIMEOUT:-60} # a guest without KVM on a loaded machine verifies slowly
# shellcheck source=ops/labkit/kit.sh
. "$root/ops/labkit/kit.sh"

evidence=$(mktemp -d)
verdict=0 # of the whole script
faults=() # of the case at hand
watchers=()

lab() { "$root/ops/lab" "$@" 9<&-; }
proof() { lab status -o json | python3 "$KIT/proof.py" "$@"; }
fault() { faults+=("$*"); }
late() { timing=$((timing + 1)) && fault "$*"; } # a fault that may be the machine's

finish() {
    local rc=$?
    trap - EXIT
    [ -z "${watchers[*]:-}" ] || kill "${watchers[@]}" 2>/dev/null || true
    if [ -n "${LAB_KEEP:-}" ] && [ "$rc$verdict" != 00 ]; then
        echo "kept up for a look: LAB=$LAB NS=$NS"
    else
        lab down >"$evidence/down" 2>&1 || { cat "$evidence/down"; rc=1; }
    fi
    rm -rf "$evidence"
    exit $((rc ? rc : verdict))
}

take_over() { # the tests' own lab, from one that was killed
    exec 9>"$LAB.lock"
    flock -n 9 || die "another test has the lab in $LAB (its lock: $LAB.lock); or give this one LAB and NS"
    [ -n "$(remains)" ] || return 0
    echo "a test that was killed left its lab behind"
    lab down
}
raise() { # OPTION... of ops/lab up
    [ -z "${tests_own:-}" ] || take_over
    ! is_up || die "a lab is up in $LAB already: ops/lab down first"
    trap finish EXIT
    trap 'exit 130' INT TERM
    lab up "$@" >"$evidence/up" 2>&1 || { cat "$evidence/up" >&2; die "the clouds did not come up"; }
    load
    proof world "$evidence/before.json"
}

# How slow this machine is now: a guest boots in 6 s on two free cores. Patience is in units of it.
slow=1
boot() { # VM OPTION... of ops/lab vm
    local began=$SECONDS
    lab vm "$@" >/dev/null
    slow=$(((SECONDS - began) / 6 + 1))
    export ASK_TIMEOUT=$((60 * slow))
    echo "$1 booted in $((SECONDS - began)) s, load $(cut -d' ' -f1 /proc/loadavg): patience times $slow"
}
patiently() { # SECONDS COMMAND...
    until_true $(($1 * slow)) "${@:2}"
}

# ---- one case
open_case() {
    faults=() timing=0 case_began=$SECONDS
    stat -c '%n %s' "$LAB"/log/* >"$evidence/logs"
}
close_case() { # NAME REMARK
    local line
    if [ ${#faults[@]} = 0 ]; then
        echo "ok $1: $2 ($((SECONDS - case_began)) s)"
        return
    fi
    verdict=1
    printf -v line '%s; ' "${faults[@]}"
    echo "not ok $1: $line$2 ($((SECONDS - case_began)) s)"
    tell_tale
}
tell_tale() { # who does not run, and what the processes said in this case
    local log size name
    for log in "$LAB"/log/*; do
        name=${log##*/}
        case $name in controller.* | proxy.* | agent.* | libvirtd.*) is_running "$name" || echo "    $name does not run" ;; esac
        size=$(awk -v path="$log" '$1 == path { print $2 }' "$evidence/logs")
        tail -c "+$((${size:-0} + 1))" "$log" | tail -20 | cut -c1-300 | sed "s/^/    $name: /"
    done
}

# ---- looking
wire_bytes() { wan_order stat | sed 's/.* bytes=\([0-9]*\).*/\1/' | awk '{ n += $1 } END { printf "%.0f\n", n }'; }
wire_passed() { [ "$(wire_bytes)" -ge "$1" ]; }
field_of() { # FIELD, of the JSON object on stdin; nothing if there is none
    python3 -c 'import json, sys
try: print(json.load(sys.stdin).get(sys.argv[1]) or "")
except ValueError: pass' "$1"
}
migration_field() { # CLOUD ID FIELD
    caravan_at "$1" migrations "$2" -o json 2>/dev/null | field_of "$3"
}
phase_is() { [ "$(migration_field "$1" "$2" phase)" = "$3" ]; }
memory_passed() { # HOST VM BYTES : so much of its memory has been copied, by libvirt's word
    [ "$(on "$1" domjobinfo "$2" --rawstats 2>/dev/null |
        awk '/^memory_processed/ { print $2 }')" -ge "$3" ]
}
has_ended() { # CLOUD ID : a controller that does not answer knows no end
    local state
    state=$(migration_field "$1" "$2" state)
    [ -n "$state" ] && [ "$state" != running ]
}
place_of() { # VM -> the cloud whose hypervisors run it, by their word
    local host
    for host in $(hosts); do
        [ "$(on "$host" domstate "$1" 2>/dev/null)" != running ] || { cloud_of "$host"; return; }
    done
}
is_settled() { # by the hypervisors' word, and by the processes that there are
    local place
    proof settled "$evidence/before.json" "$@" >"$evidence/settled" 2>&1 || return
    [ "$MODE" != simulated ] || return 0
    for place in "$@"; do
        [ "$(census | grep -c "^qemu.${place%=*}@")" = 1 ] ||
            { echo "processes of ${place%=*}: $(census | grep "^qemu.${place%=*}@" | xargs)" >"$evidence/settled"; return 1; }
    done
}

# What a neighbour in the same cloud lives through meanwhile.
watch_guest() { # VM CLOUD
    : >"$evidence/watch"
    plug_peers
    nsenter --net="/run/netns/$(netns "$2.peer")" python3 "$KIT/witness.py" \
        "$(guest_address "$1")" "$evidence/witness.json" >"$evidence/watch" 2>&1 9<&- &
    watchers=($!)
    patiently 20 grep -q watching "$evidence/watch" || fault "no connection to $1: $(<"$evidence/watch")"
}
end_watch() { # MOST-MILLISECONDS|-|off : the connection lived on, and no silence was longer; sets frozen
    local silent writing
    kill "${watchers[@]}"
    wait "${watchers[@]}" || true
    watchers=()
    silent=$(field_of ping_gap_ms <"$evidence/witness.json")
    writing=$(field_of write_gap_ms <"$evidence/witness.json")
    frozen="silent for ${silent:-?} ms, no write for ${writing:-?} ms"
    [ "$1" != off ] || { frozen="its power was lost"; return; }
    grep -q '"survived": true.*"one_life": true, "one_speaker": true' "$evidence/witness.json" ||
        fault "its session: $(<"$evidence/witness.json")"
    [ "$1" != - ] || return 0
    frozen+=" of $1, load $(cut -d' ' -f1 /proc/loadavg)"
    [ "${silent:-999999}" -le "$1" ] || late "it did not answer for too long"
    [ "${writing:-999999}" -le "$1" ] || late "it could not write for too long"
}

# What the clouds have on record: who has the run-right, and that nothing is promised or under way.
books_say() { # VM=CLOUD...
    local cloud place
    for cloud in $(clouds); do
        caravan_at "$cloud" status -o json
        caravan_at "$cloud" hosts -o json
        for place in "$@"; do caravan_at "$cloud" vms "${place%=*}" -o json 2>/dev/null || true; done
    done
}
wrong_in_books() { # VM=CLOUD... : a line a fault
    books_say "$@" | python3 -c 'import json, sys
places, cloud, runs = dict(word.split("=") for word in sys.argv[1:]), None, []
def fault(text): print(f"on record in {cloud}: {text}")
for line in sys.stdin:
    said = json.loads(line)
    if "cloud" in said:
        cloud = said["cloud"]
        if said["migrations"]["running"] or said["needs_person"]: fault(line.strip())
    elif "reservations" in said:
        if said["reservations"] or said["state"] != "online": fault(line.strip())
    elif said["run_right"]["here"]:
        runs.append((said["name"], cloud))
        if said["state"] != "running" or said["migration"]: fault(line.strip())
if sorted(runs) != sorted(places.items()): print(f"on record: the run-rights are {runs}, not {places}")' "$@"
}
books_agree() { [ -z "$(wrong_in_books "$@" 2>&1 | tee "$evidence/books")" ]; }

# Everything that must hold once it is over: one running copy and nothing beside it within 30 s, no
# lost byte in memory or on disk, both logs unbroken and in agreement with the world.
check_world() { # VM=CLOUD...
    local cloud line place
    patiently 30 is_settled "$@" 2>/dev/null ||
        while read -r line; do fault "$line"; done <"$evidence/settled"
    patiently 20 books_agree "$@" 2>/dev/null ||
        while read -r line; do fault "$line"; done <"$evidence/books"
    for place in "$@"; do
        line=$(lab guest "${place%=*}" verify 2>&1) || fault "${place%=*} verify: $line"
    done
    for cloud in $(clouds); do
        line=$(caravan_at "$cloud" audit verify 2>&1) || fault "audit of $cloud: $line"
    done
}
