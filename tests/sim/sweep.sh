#!/bin/bash
# tests/sim/sweep.sh [--migrations N] [--seed N] [--seconds N] [--program PATH]: caravan simulate with all
# faults, ten thousand migrations a run, a run a core at a time, of a release build unless PATH is one;
# what was seen is written to docs/reliability.md. One million by default; no run begins after --seconds;
# CARAVAN_CORES of the cores, all by default. Exit 1 if a promise was broken.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
migrations=1000000 seed=1 seconds=86400 program=
while [ $# -gt 0 ]; do
    case $1 in
        --migrations | --seed | --seconds | --program) printf -v "${1#--}" '%s' "${2:?}"; shift ;;
        *) sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
    shift
done
if [ -z "$program" ]; then
    cd "$root"
    cmake --preset release >/dev/null
    cmake --build --preset release --target caravan >/dev/null
    program=$root/build/release/ops/caravan/caravan
fi
each=10000
cores=${CARAVAN_CORES:-$(nproc)}
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
began=$SECONDS
one() { # NUMBER: a run, if there is time
    [ $SECONDS -lt "$seconds" ] || return 0
    local json=$found/$1.json failed=0 left=$((migrations - $1 * each))
    "$program" simulate --seed $((seed + $1 * 1000003)) --migrations $((left < each ? left : each)) --clouds 3 --hosts 2 --vms 9 --faults all \
        -o json >"$json.part" 2>"$found/$1.log" || failed=$?
    [ ! -s "$json.part" ] || mv "$json.part" "$json"
    [ $failed = 0 ] || echo "run $1: exit $failed; $(tail -1 "$found/$1.log")" | tee -a "$found/failed" >&2
}
running=0
for ((i = 0; i * each < migrations; i++)); do
    if [ $running -ge "$cores" ]; then
        wait -n
        running=$((running - 1))
    fi
    one $i &
    running=$((running + 1))
done
wait
python3 - "$root/docs/reliability.md" $((SECONDS - began)) "$cores" "$seed" "$found" <<'END'
import collections, datetime, hashlib, json, pathlib, sys
page, wall, cores, seed, found = sys.argv[1:]
runs = [json.load(open(f)) for f in sorted(pathlib.Path(found).glob("*.json"), key=lambda f: int(f.stem))]
if not runs: sys.exit("no run has ended")
ends, faults = collections.Counter(), collections.Counter()
for r in runs:
    ends.update(r["migrations"])
    faults.update(r["faults"])
total = lambda key: sum(r[key] for r in runs)
lines = [
    "## Swept in simulation", "",
    f"Written by `tests/sim/sweep.sh` on {datetime.date.today()}: {len(runs)} runs, {cores} at a time, {int(wall)} s.", "",
    f"- {sum(ends.values()):,} migrations in {total('episodes'):,} federations of 3 clouds, 2 hosts each and 9 VMs; "
    f"{total('simulated_seconds') / 86400:,.1f} simulated days, {total('events'):,} events, {total('steps'):,} steps",
    f"- {sum(faults.values()):,} faults; {runs[0]['invariants']} invariants, **{sum(len(r['violations']) for r in runs)} violations**",
    f"- seeds {seed}, {int(seed) + 1000003}, …; the SHA-256 of their digests, in that order: "
    f"`{hashlib.sha256(''.join(r['digest'] for r in runs).encode()).hexdigest()}`", "",
    "| Migrations | ended |", "|---:|---|", *(f"| {n:,} | {end} |" for end, n in sorted(ends.items())), "",
    "| Faults | kind |", "|---:|---|", *(f"| {n:,} | `{kind}` |" for kind, n in sorted(faults.items())), "",
]
for r in runs:
    if "again" in r: lines += ["Broken: `" + r["again"] + "`", ""]
page = pathlib.Path(page)
text = page.read_text() if page.exists() else "# Reliability\n\nWhat was run against the promises, and what was seen.\n\n"
begin, end = "<!-- sweep -->\n", "<!-- end of sweep -->\n"
body = begin + "\n".join(lines) + end
if begin in text: text = text[:text.index(begin)] + body + text[text.index(end) + len(end):]
else: text += body
page.write_text(text)
print(lines[4] + "\n" + lines[5])
END
[ ! -e "$found/failed" ]
