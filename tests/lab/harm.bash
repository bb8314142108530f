# shellcheck shell=bash disable=SC2154,SC2153  # from, to, vm, id, evidence: of the row at hand, see faults.sh
# harm.bash: the words of faults.table's columns WHEN and HARM. Sourced by faults.sh.

# The steps in order, and who has a part in each.
STEPS=("admit" "prepare storage" "extend network" "open channel" "copy" "release run-right" "acquire run-right"
    "move routes" "retire source")
PARTS=(destination destination destination both source source destination both both)

# ---- WHEN
prepare_when() { # PROCESS WHEN : what must wait is told to, before the migration begins; sets holder
    local entry rate=$((RATE * 8))
    holder=''
    while read -r entry; do
        # shellcheck disable=SC2086  # words
        case $entry in
            held\ * | hold\ *) ordered hold ${entry#* } ;;
            before\ * | after\ *)
                hold_at "$1" "$entry"
                [[ $entry == *undo* ]] || rate=$((rate * 3)) ;; # the moment is the same, it only comes earlier
        esac
    done < <(named "${2//; /$'\n'}")
    wan_order "rate $rate"
}
until_when() { # WHEN WIRE-BYTES-BEFORE
    local words
    while read -r -a words; do
        case ${words[0]} in
            wire) patiently 60 wire_passed $(($2 + (words[1] << 20))) ;;
            memory) patiently 60 memory_passed "$from.h1" "$vm" $((words[1] << 20)) ;;
            held) patiently 60 is_held "${words[2]}" ;;
            before | after)
                if [ "${words[1]}" = undo ]; then
                    patiently 60 wire_passed $(($2 + (2 << 20))) && abort_it
                fi
                patiently 60 is_held "$holder" ;;
        esac || { late "it never came to \"${words[*]}\""; return 1; }
    done < <(named "${1//; /$'\n'}")
}
# The controller in whose journal the moment is: see faults.table. Sets holder.
hold_at() { # PROCESS MOMENT
    local moment=${2%% *} what=${2#* } way=forward part=source step at
    [ "${what#undo }" = "$what" ] || { what=${what#undo } way=undo; }
    case $what in
        run_right_*)
            holder=$from
            [ "$what" != run_right_acquired ] || holder=$to
            hold_fact "$holder" "$moment" "caravan.vm.$what" "\"$vm\""
            return ;;
        keep) step=4 ;; # the abort goes on record at the source, whatever was reached
        *) step=$(step_number "$what") part=${PARTS[step]} ;;
    esac
    at=source
    if [ "$part" = destination ] || { [ "$part" = both ] && [[ $1 == *TO* ]]; }; then at=destination; fi
    holder=$from
    [ $at = source ] || holder=$to
    mapfile -t fact < <(fact_of "$moment" "$way" "$at" "$part" "$what" "$step")
    hold_fact "$holder" "${fact[@]}"
}
step_number() { # NAME
    local i
    for i in "${!STEPS[@]}"; do [ "${STEPS[i]}" != "$1" ] || { echo "$i"; return; }; done
    die "no step is named $1"
}
# -> before or after, and the words of the fact
fact_of() { # MOMENT WAY AT PART STEP NUMBER
    local key="\"step\":$6,\"way\":\"$2\""
    case "$1 $2 $3 $4 $5" in
        before\ undo\ *\ keep) printf '%s\n' after caravan.migration.undoing '' ;;
        after\ undo\ *\ keep) printf '%s\n' before caravan.migration.vm_kept '' ;;
        before\ *\ destination\ *) printf '%s\n' after caravan.visit.asked "$key" ;;
        after\ *\ destination\ *) printf '%s\n' before caravan.visit.answered "$key" ;;
        after\ *\ source\ *) printf '%s\n' before caravan.migration.step_done "$key,\"at\":\"source\"" ;;
        before\ *\ both\ *) printf '%s\n' after caravan.migration.asked "$key" ;;
        before\ undo\ *) printf '%s\n' after caravan.migration.vm_kept '' ;;
        before\ *\ copy) printf '%s\n' after caravan.migration.step_done '"step":3,"way":"forward","at":"destination"' ;;
        before\ *) printf '%s\n' after caravan.migration.step_done "\"step\":$(($6 - 1)),\"way\":\"forward\"" ;;
    esac
}

# ---- HARM
do_harm() { # HARM
    local words
    while read -r -a words; do
        case ${words[0]:-} in
            sleep) sleep "${words[1]}" ;;
            until) patiently 60 phase_is "$from" "$id" "${words[*]:1}" || fault "it never came to ${words[*]:1}" ;;
            undecided) check_undecided ;;
            untold) check_untold ;;
            abort) abort_it ;;
            restart) restart "${words[1]}" ;;
            kill-copy) ordered kill "$(census | awk -v q="qemu.$vm@$to" 'index($1, q) == 1 { print $1 }')" ;;
            *) ordered "${words[@]}" ;;
        esac
    done < <(named "${1//; /$'\n'}")
}
ordered() { # WORDS of ops/lab
    lab "$@" >"$evidence/harm" 2>&1 || fault "$*: $(<"$evidence/harm")"
}
restart() { # PROCESS
    ordered kill "$1"
    if [ "$1" = "controller.$holder" ]; then rm -f "$(stop_file "$holder").held"
    elif [ -n "$holder" ]; then ordered pass "$holder"; fi
    sleep 1
    ordered start "$1"
}
# The controller may be held before it can answer.
abort_it() { caravan_at "$from" abort "$id" >"$evidence/abort" 2>&1 & }

# The moment in which nobody may go on: two copies, both still, and no record says whose the VM is.
check_undecided() {
    local cloud
    [ "$(recorded "$from" vm.run_right_released)" = 0 ] || fault "the run-right is released"
    [ "$(census | grep -c "^qemu.$vm@")" = 2 ] || fault "not two copies: $(census | grep "^qemu.$vm@")"
    for cloud in $from $to; do
        ! inside "$cloud.peer" ping -q -i 0.1 -c 20 -W 1 "$(guest_address "$vm")" >/dev/null ||
            fault "a copy answers in $cloud"
    done
}
# The source has written that it let go of the VM, and what would tell so is cut.
check_untold() {
    local feed=$LAB/feeds.cut/$from.to.$to.feed
    [ "$(recorded "$from" vm.run_right_released)" = 1 ] || fault "the run-right is not released"
    grep -q "$id" "$feed" || fault "$feed never had a word of this migration"
    ! grep "$id" "$feed" | grep -q vm.run_right_released || fault "the feed told of the release while it was cut"
}
recorded() { # CLOUD TYPE -> how many such facts of this migration its journal holds; asks no process
    python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("select count(*) from events where type = ? and event like ?",
    ("caravan." + sys.argv[2], "%" + sys.argv[3] + "%")).fetchone()[0])' \
        "$(cloud_home "$1")/data/journal.db" "$2" "$id"
}
keep_busy() { # it writes, to memory and disk, until it is booted anew
    lab guest "$vm" dirty mem 256 >/dev/null && lab guest "$vm" dirty disk 1024 >/dev/null
}

# ---- what a destination refuses, and its healing
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
twin() { neighbour "$to.h1" twin 96 "$(guest_mac "$vm")"; }
heal_twin() { no_neighbour "$to.h1" twin; }
