#!/usr/bin/env python3
"""seen.py: what the runs of faults.sh saw. A line a run, tab-separated: name, expected, ended (reason),
what source and destination hold, held or BROKEN, seconds, migration, remarks.

seen.py FILE     the names on stdin, what was expected of each and seen, and how often: Markdown
seen.py --same   of the runs on stdin: a line for each row that did not end the same each time,
                 "either" apart; exit 0 only if there is none
"""
import collections
import sys

WORLDS = {"done": "nothing, running", "undone": "running, nothing", "undone, anew": "running, nothing",
          "done, anew": "nothing, running"}


def runs(lines):
    """-> name: its runs, in order"""
    found = collections.defaultdict(list)
    for line in lines:
        name, *rest = line.rstrip("\n").split("\t")
        found[name].append(rest)
    return found


def counted(words):
    """two of one and one of another -> "done ×2, undone" """
    counts = collections.Counter(words)
    return ", ".join(word if len(words) == count or count == 1 else f"{word} ×{count}"
                     for word, count in counts.items())


def table(found, names):
    print("| case | expected | ended | source, destination | runs | broken | s |\n|---|---|---|---|---|---|---|")
    for name in (n for n in names if n in found):
        expected, ended, world, verdict, seconds = zip(*(run[:5] for run in found[name]))
        expects = WORLDS.get(expected[-1])
        print(f"| {name} | {expected[-1]}{': ' + expects if expects else ''} | {counted(ended)} | {counted(world)} "
              f"| {len(ended)} | {verdict.count('BROKEN') or ''} | {max(map(int, seconds))} |")
    every = [run for name in found for run in found[name]]
    unseen = [name for name in names if name not in found]
    print(f"\n{len(names)} rows, {len(names) - len(unseen)} of them seen; {len(every)} runs, "
          f"{sum(run[3] == 'BROKEN' for run in every)} broken.")
    for name in found:
        for run in (run for run in found[name] if run[3] == "BROKEN"):
            print(f"- broken: {name}: {run[6]}" if len(run) > 6 else f"- broken: {name}")
    if unseen:
        print("- not seen:", "; ".join(unseen))


def differing(found):
    for name, each in found.items():
        ends = {(run[1].split(" (")[0], run[2]) for run in each}
        if len(ends) > 1 and each[0][0] != "either":
            yield f"{name}: " + " / ".join(f"{ended}: {world}" for ended, world in sorted(ends))


if sys.argv[1] == "--same":
    other = list(differing(runs(sys.stdin)))
    print(*(f"ended otherwise the second time: {line}" for line in other), sep="\n")
    sys.exit(1 if other else 0)
names = [line.strip() for line in sys.stdin]
with open(sys.argv[1]) as file:
    table(runs(file), names)
