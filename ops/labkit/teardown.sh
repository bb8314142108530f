# shellcheck shell=bash
# teardown.sh: everything away, in whatever state it is, found by looking and not by what was noted
# down. Sourced.
namespaces() {
    local name
    ip netns list 2>/dev/null | awk '{ print $1 }' | while read -r name; do
        [[ ! $name =~ ^$NS(${LAB_CLOUD_NAMES// /|})- ]] || echo "$name"
    done
}
operator_links() {
    local cloud
    for cloud in "${CLOUD_NAMES[@]}"; do
        ! ip link show "$NS$cloud" >/dev/null 2>&1 || echo "$NS$cloud"
    done
}
mounts() { awk -v lab="$LAB/" 'index($5, lab) == 1 { print $5 }' /proc/self/mountinfo; }
files() { [ ! -e "$LAB" ] || echo "$(find "$LAB" -printf . | wc -c) in $LAB"; }

remains() { # KIND WHAT, a line each
    census --all | sed 's/^/process /'
    namespaces | sed 's/^/namespace /'
    operator_links | sed 's/^/device /'
    mounts | sed 's/^/mount /'
    files | sed 's/^/files /'
}

kill_everything() {
    local pids
    for _ in $(seq 100); do # a process may have been starting another
        mapfile -t pids < <(census --all | awk '{ print $2 }')
        [ ${#pids[@]} -gt 0 ] || return 0
        kill -KILL "${pids[@]}" 2>/dev/null || true
        sleep 0.05
    done
    echo "lab: these do not die: ${pids[*]}" >&2
}

take_away() {
    local name dirs=()
    kill_everything
    for name in $(namespaces); do ip netns del "$name" 2>/dev/null || true; done
    for name in $(operator_links); do ip link del "$name" 2>/dev/null || true; done
    for name in $(mounts | tac); do umount -l "$name" || true; done
    # `ip netns add` left this mount; it goes with the last namespace on the machine.
    if [ "$(id -u)" = 0 ] && [ -z "$(ls -A /run/netns 2>/dev/null)" ]; then
        umount /run/netns 2>/dev/null || true
    fi
    [ ! -e "$LAB/made" ] || mapfile -t dirs <"$LAB/made"
    for name in "${dirs[@]}"; do rmdir "$name" 2>/dev/null || true; done
    [ ! -e "$LAB" ] || rm -rf "${LAB:?}"
}

tear_down() { # [all] : says what there was; fails if anything is left
    local found left
    found=$(remains)
    [ -z "$found" ] && echo "nothing was up" || printf 'found and removed:\n%s\n' "$found"
    take_away
    if [ "${1:-}" = all ] && [ -e "$LAB_CACHE" ]; then
        rm -rf "${LAB_CACHE:?}"
        echo "removed the cache $LAB_CACHE"
    fi
    left=$(remains)
    [ -z "$left" ] || { printf 'LEFT:\n%s\n' "$left"; return 1; }
    echo "nothing is left: no namespace, process, mount, device or file"
}
