#!/usr/bin/env python3
"""census.py: the lab's processes, found in /proc by what they carry, not by what was written down.

census.py            NAME PID NETNS, a line for each process that has a name in the lab
census.py --pid NAME its pid; exit 1 if it does not run
census.py --all      also what has no name: all that carries our mark or lives in our namespaces
"""
import os
import re
import sys

LAB, NS = os.environ["LAB"], os.environ["NS"]
CLOUDS = os.environ["LAB_CLOUD_NAMES"].replace(" ", "|")


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def inode(path):
    try:
        return os.stat(path).st_ino
    except OSError:
        return None


def our_networks():
    names = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
    ours = [n for n in names if re.match(f"{re.escape(NS)}({CLOUDS})-", n)]
    return {inode(f"/run/netns/{name}"): name for name in ours}


class Process:
    def __init__(self, pid, networks):
        self.pid = pid
        stat = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        self.alive = bool(stat) and stat[0] != "Z"
        self.parent = int(stat[1]) if stat else 0
        environ = dict(e.partition("=")[::2] for e in read(f"/proc/{pid}/environ").split("\0"))
        self.marked = environ.get("CARAVAN_LAB") == LAB
        self.mark = environ.get("CARAVAN_LAB_PROCESS", "") if self.marked else ""
        self.netns = networks.get(inode(f"/proc/{pid}/ns/net"))
        self.words = read(f"/proc/{pid}/cmdline").split("\0")
        self.pidns = inode(f"/proc/{pid}/ns/pid")

    def guest(self):
        named = [w for w in self.words if w.startswith("guest=")]
        return named[0][6:].split(",")[0] if "-name" in self.words and named else None


def census():
    networks = our_networks()
    everyone = {int(p): Process(int(p), networks) for p in os.listdir("/proc") if p.isdigit()}
    ours, pid = {}, os.getpid()
    while pid in everyone:  # never ourselves, nor who called us
        pid = everyone.pop(pid).parent
    inits = {}
    for p in everyone.values():
        if not p.alive or not (p.marked or p.netns):
            continue
        parent = everyone.get(p.parent)
        main = p.mark and (parent is None or parent.mark != p.mark)
        ours[p.pid] = (p.mark if main else "", p)
        if main and p.mark.startswith("host."):
            inits[p.pidns] = p.mark[len("host."):]
    for pid, (name, p) in ours.items():
        guest = p.guest()
        if not name and guest and p.pidns in inits:
            ours[pid] = (f"qemu.{guest}@{inits[p.pidns]}", p)
    return sorted(ours.values(), key=lambda found: (found[0] == "", found[0], found[1].pid))


def main():
    found = census()
    if sys.argv[1:2] == ["--pid"]:
        pids = [p.pid for name, p in found if name == sys.argv[2]]
        print(*pids, sep="\n", end="\n" if pids else "")
        return 0 if pids else 1
    for name, p in found:
        if name or sys.argv[1:] == ["--all"]:
            print(name or f"({os.path.basename(p.words[0]) or 'unnamed'})", p.pid, p.netns or "-")
    return 0


sys.exit(main())
