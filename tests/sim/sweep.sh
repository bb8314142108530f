#!/bin/bash
# tests/sim/sweep.sh [--migrations N] [--seed N] [--program PATH]: caravan simulate with all faults, one
# process a core, of a release build unless PATH is one; what was seen is written to docs/reliability.md.
# One million by default. Exit 1 if a promise was broken.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
migrations=1000000 seed=1 program=
while [ $# -gt 0 ]; do
    case $1 in
        --migrations | --seed | --program) printf -v "${1#--}" '%s' "${2:?}"; shift ;;
        *) sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
    shift
done
if [ -z "$program" ]; then
    cd "$root"
    cmake --preset release >/dev/null
    cmake --build --preset release --target caravan >/dev/null
    program=$root/build/release/ops/caravan/caravan
fi
cores=$(nproc)
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
began=$SECONDS
running=()
for ((i = 0; i < cores; i++)); do
    "$program" simulate --seed $((seed + i * 1000003)) --migrations $((migrations / cores)) --clouds 3 --hosts 2 --vms 9 \
        --faults all -o json >"$found/$i.json" 2>"$found/$i.log" &
    running+=($!)
done
failed=0
for pid in "${running[@]}"; do wait "$pid" || failed=1; done
cat "$found"/*.log | grep -v ' of ' >&2 || true
python3 - "$root/docs/reliability.md" $((SECONDS - began)) "$cores" "$found"/*.json <<'END'
import collections, datetime, json, pathlib, sys
page, wall, cores, *files = sys.argv[1:]
runs = [json.load(open(f)) for f in files]
ends, faults = collections.Counter(), collections.Counter()
for r in runs:
    ends.update(r["migrations"])
    faults.update(r["faults"])
total = lambda key: sum(r[key] for r in runs)
lines = [
    "## Swept in simulation", "",
    f"Written by `tests/sim/sweep.sh` on {datetime.date.today()}, {cores} processes, {int(wall)} s.", "",
    f"- {sum(ends.values()):,} migrations in {total('episodes'):,} federations of 3 clouds, 2 hosts each and 9 VMs; "
    f"{total('simulated_seconds') / 86400:,.1f} simulated days, {total('events'):,} events, {total('steps'):,} steps",
    f"- {sum(faults.values()):,} faults; {runs[0]['invariants']} invariants, **{sum(len(r['violations']) for r in runs)} violations**",
    "- first seeds " + ", ".join(str(r["seed"]) for r in runs) + "; digests " + ", ".join(r["digest"][:16] for r in runs), "",
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
exit $failed
