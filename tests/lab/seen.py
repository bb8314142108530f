#!/usr/bin/env python3
"""seen.py: what the runs of faults.sh saw. A line a run, tab-separated: name, expected, ended (reason),
what source and destination hold, held or BROKEN, seconds, migration, remarks.

seen.py TABLE FILE   the rows in the table's order, what was expected and seen, and how often: Markdown
seen.py --same       of the runs on stdin: a line for each row that did not end the same each time,
                     "either" apart; exit 0 only if there is none
"""
import collections
import sys

WORLDS = {"done": "nothing, running", "undone": "running, nothing", "undone, anew": "running, nothing",
          "done, off": "nothing, shut off"}


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


def table(found, order):
    print("| case | expected | ended | source, destination | runs | broken | s |\n|---|---|---|---|---|---|---|")
    for name in sorted(found, key=order):
        expected, ended, world, verdict, seconds = zip(*(run[:5] for run in found[name]))
        expects = WORLDS.get(expected[-1])
        print(f"| {name} | {expected[-1]}{': ' + expects if expects else ''} | {counted(ended)} | {counted(world)} "
              f"| {len(ended)} | {verdict.count('BROKEN') or ''} | {max(map(int, seconds))} |")
    every = [run for name in found for run in found[name]]
    print(f"\n{len(found)} rows, {len(every)} runs, {sum(run[3] == 'BROKEN' for run in every)} broken")


def differing(found):
    for name, each in found.items():
        ends = {(run[1].split(" (")[0], run[2]) for run in each}
        if len(ends) > 1 and each[0][0] != "either":
            yield f"{name}: " + " / ".join(f"{ended}: {world}" for ended, world in sorted(ends))


def order_of(path):
    """Rows for many processes stand in the table under the words that follow the process's name."""
    with open(path) as file:
        names = [line.split("|")[0].strip() for line in file if "|" in line and line[0] != "#"]
    tails = [name.split(" ", 1)[1] if name.split()[0].isupper() and "killed" in name else name for name in names]
    return lambda name: next((n for n, tail in enumerate(tails) if name.endswith(tail)), len(tails))


if sys.argv[1] == "--same":
    other = list(differing(runs(sys.stdin)))
    print(*(f"ended otherwise the second time: {line}" for line in other), sep="\n")
    sys.exit(1 if other else 0)
with open(sys.argv[2]) as file:
    table(runs(file), order_of(sys.argv[1]))
