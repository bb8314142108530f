#!/usr/bin/env python3
"""status.py table|json: the facts that status.sh tells on stdin, for people or for programs."""
import json
import sys

HOST = ("name", "libvirt_uri", "host_name", "host_uuid", "netns", "images")

facts = {}
for line in sys.stdin:
    kind, *fields = line.split()
    facts.setdefault(kind, []).append(fields)


def of(kind):
    return facts.get(kind, [])


def dash(word):
    return None if word == "-" else word


def as_json():
    plain = of("mode") == [["plain"]]
    return {
        "processes": [{"name": n, "pid": int(p), "netns": dash(ns)} for n, p, ns in of("process")],
        "hosts": [dict(zip(HOST, map(dash, fields))) for fields in of("host")],
        "links": [{"name": n, "state": s} for n, s in of("link")],
        "clouds": [{"name": n, "url": None if plain else url} for n, url in of("cloud")],
        "mode": of("mode")[0][0],
        "program": dash(of("program")[0][0]),
    }


def as_table():
    running = {n for n, _, _ in of("process")}
    rows = [("PROCESS", "PID", "NETNS")] + [tuple(p) for p in of("process")]
    rows += [(n, "dead", "-") for (n,) in of("expected") if n not in running]
    rows += [("LINK", "STATE", "")] + [(n, s, "") for n, s in of("link")]
    if of("mode") != [["plain"]]:
        rows += [("CLOUD", "URL", "")] + [(n, url, "") for n, url in of("cloud")]
    wide = max(len(r[0]) for r in rows)
    return "\n".join(f"{a:<{wide}}  {b:<8} {c}".rstrip() for a, b, c in rows)


sys.stdout.write((json.dumps(as_json()) if sys.argv[1] == "json" else as_table()) + "\n")
