#!/usr/bin/env python3
"""proof.py: what is really there, and whether a migration kept its promises.

proof.py world FILE    what every host holds: domains, files, sockets, taps -> FILE
proof.py settled FILE VM=CLOUD...
                       each VM runs exactly once, in that cloud, and beside these nothing is there
                       that was not in FILE; a line a fault, exit 0 only if there is none
proof.py leaks DIR     names of either cloud's inside in what crossed (DIR/wan.pcap, opened with DIR/keys)
                       and in DIR/feeds, a line each, and how much was read; exit 0 only if none
proof.py judge DIR     the evidence in DIR (see ops/demo) -> report.json there, and a line a proof;
                       exit 0 only if every proof held

All read `ops/lab status -o json` from stdin.
"""
import collections
import glob
import json
import os
import re
import sqlite3
import subprocess
import sys
import xml.etree.ElementTree as xml

STATUS = json.load(sys.stdin)
PLAIN = STATUS["mode"] == "plain"
SIMULATED = STATUS["mode"] == "simulated"
if not SIMULATED:
    import clear  # opens what was sealed; simulated hosts have no WAN to capture, nor need its library


def said(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def virsh(host, *command):
    return said("virsh", "-q", "-c", host["libvirt_uri"], *command)


def read(*path):
    try:
        with open(os.path.join(*path)) as file:
            return file.read()
    except OSError:
        return ""


# ---- what is there

def home(host):
    return os.path.dirname(os.path.dirname(host["images"]))


# The agent's note of its base images' digests: of the host, not of any VM.
HOSTS_OWN = {"file lib/images/.caravan-bases"}


def look_at_folder(host):
    """A simulated host: its VMs are the records among its files."""
    files = os.listdir(host["images"])
    domains = {}
    for name in (f[:-len(".json")] for f in files if f.endswith(".json")):
        record = json.loads(read(host["images"], name + ".json"))
        own = [name + ".memory"] + [f"{name}.{disk['target']}" for disk in record["vm"]["disks"]]
        domains[name] = {"uuid": record["vm"]["uuid"], "state": record["state"],
                         "files": [name + ".json", *own], "taps": []}
    return {"things": sorted("file " + f for f in files), "domains": domains}


def look_at(host):
    if SIMULATED:
        return look_at_folder(host)
    found = set()
    for top in ("lib", "run", "etc"):
        for folder, _, files in os.walk(os.path.join(home(host), top)):
            found |= {"file " + os.path.relpath(os.path.join(folder, f), home(host)) for f in files}
    for line in said("ip", "-n", host["netns"], "-o", "link", "show", "type", "tun").splitlines():
        found.add("tap " + line.split(": ")[1])
    domains = {}
    for name in virsh(host, "list", "--all", "--name").split():
        found.add(f"domain {name}")
        definition = virsh(host, "dumpxml", name)
        sources = [s.get("file") or s.get("path") for s in xml.fromstring(definition).iter("source")]
        domains[name] = {"uuid": virsh(host, "domuuid", name).strip(),
                         "state": virsh(host, "domstate", name).strip(),
                         "files": sorted(filter(None, sources)),
                         "taps": [t.get("dev") for t in xml.fromstring(definition).iter("target")]}
    return {"things": sorted(found - HOSTS_OWN), "domains": domains}


def world():
    return {host["name"]: look_at(host) for host in STATUS["hosts"]}


def belongs_to(domain, name, thing):
    """Is this the running VM's own: its disk, console, definition, monitor, process id, tap?"""
    kind, what = thing.split(" ", 1)
    if kind == "domain":
        return what == name
    if kind == "tap":
        return what in domain["taps"]
    own = [re.sub("^/var/lib/libvirt", "lib", f) for f in domain["files"]]
    libvirts = rf"etc/qemu/{name}\.xml|run/qemu/{name}\.(pid|xml)|lib/qemu/domain-\d+-{name}/.*"
    return what in own or re.fullmatch(libvirts, what) is not None


def leftovers(before, after, vms):
    left = []
    for host, now in after.items():
        new = set(now["things"]) - set(before[host]["things"])
        for vm in vms:
            domain = now["domains"].get(vm)
            if domain and domain["state"] == "running":
                new = {thing for thing in new if not belongs_to(domain, vm, thing)}
        left += [f"{host}: {thing}" for thing in sorted(new)]
    return left


# ---- what crossed

def feed_bytes(folder):
    for path in sorted(glob.glob(folder + "/*")):
        with open(path, "rb") as file:
            data = file.read()
        yield data
        if data.startswith(b"SQLite format 3"):  # long rows are torn over pages in the file itself
            for line in sqlite3.connect(path).iterdump():
                yield line.encode()


def markers():
    """Words that no byte leaving a cloud may hold: name -> spellings."""
    words = ["/var/lib/libvirt", "qemu-tcg", "qemu-system-x86_64", "qemu+unix", "base.img", os.environ["LAB"],
             "cv-" + os.environ["LAB_VAN"]]
    found = {word: [word.encode(), word.encode("utf-16-le")] for word in words}
    if SIMULATED:
        found["address in 127.0"] = [b"127.0."]
    for host in () if SIMULATED else STATUS["hosts"]:
        name, plain = host["host_name"], host["host_uuid"].replace("-", "")
        found["host name " + name] = [name.encode(), name.encode("utf-16-le")]
        raw = bytes.fromhex(plain)
        found["host uuid of " + name] = [
            host["host_uuid"].encode(), plain.encode(), raw,
            raw[3::-1] + raw[5:3:-1] + raw[7:5:-1] + raw[8:]]
    for number, _ in enumerate(STATUS["clouds"], 1):
        found[f"address in 10.{number}.0"] = [f"10.{number}.0.".encode()]
    return found


def search(parts, words):
    hits = collections.Counter()
    for part in parts:
        part = part.lower()
        for name, spellings in words.items():
            hits[name] += sum(part.count(word.lower()) for word in spellings)
    return +hits


# At least so much is in each kind of stream of a migration: less, and it was not looked at.
LEAST = {"ctl": 10_000, "mem": 10_000_000, "nbd": 100_000, "record": 50}
POINTERS = 1 << 32


def in_clear(folder, flows):
    """-> (bytes by kind of stream, [(where, bytes)], what could not be read) of what crossed the WAN."""
    sizes, parts, faults = collections.Counter(), [], []
    made, closed = clear.lanes(flows, *glob.glob(folder + "/keys/*"))
    for stream in made:
        sizes[stream.lane] += len(stream.sent) + len(stream.answered)
        parts += [(f"{stream.lane}, sent", stream.sent), (f"{stream.lane}, answered", stream.answered)]
        if stream.lane == "nbd" and max(clear.nbd_handles(stream), default=0) >= POINTERS:
            faults.append("nbd requests are named by pointers")
    if closed:
        faults.append(f"{closed} connections could not be opened")
    faults += [f"only {sizes[lane]} bytes of {lane}" for lane, least in LEAST.items() if sizes[lane] < least]
    return sizes, parts, faults


def inside_names(folder):
    """Sealed as it crossed; in clear, if there are keys; and the feeds."""
    short = {h["name"].partition(".")[2] for h in STATUS["hosts"]}
    own = {f'short host name "{n}"': [f'"{n}"'.encode()] for n in short}
    hits = collections.Counter()
    if not SIMULATED:
        flows, others = clear.flows(folder + "/wan.pcap")
        hits += search([*flows.values(), b"\n".join(others)], markers())
        if not PLAIN:
            _, parts, faults = in_clear(folder, flows)
            hits += search([part for _, part in parts], markers())
            hits.update(faults)
    return hits + search(feed_bytes(folder + "/feeds"), {**markers(), **own})


def leaks(folder):
    """Says what it read, and each leak with where it was; true if there is none."""
    sizes, parts, faults = in_clear(folder, clear.flows(folder + "/wan.pcap")[0])
    for name, size in sorted(sizes.items()):
        print(f"read {size} bytes of {name}")
    found = [(where, name) for where, part in parts for name in search([part], markers())]
    found += [("feeds", name) for name in search(feed_bytes(folder + "/feeds"), markers())]
    for line in faults + [f"leak in {where}: {name}" for where, name in sorted(set(found))]:
        print(line)
    return not faults and not found


# ---- judging

def figure(text, name):
    found = re.search(rf"\b{name}=(\d+)", text)
    return int(found.group(1)) if found else None


def zero(text, *names):
    return all(figure(text, name) == 0 for name in names)


class Moved:
    """One guest's move, as the evidence tells it."""

    def __init__(self, folder, vm, after):
        self.vm = vm
        self.witness = json.loads(read(folder, f"witness-{vm}.json") or "{}")
        self.verify = read(folder, f"verify-{vm}.txt")
        self.macs = read(folder, f"mac-{vm}.txt").split()
        self.migration = json.loads(read(folder, f"migration-{vm}.json") or "{}")
        self.uuid = read(folder, f"uuid-{vm}.txt").strip()
        self.copies = [host for host, now in after.items() for d in now["domains"].values()
                       if d["uuid"] == self.uuid and d["state"] == "running"]

    def proofs(self):
        session, migration = self.witness.get("session", {}), self.migration
        return {
            "memory_verified": (figure(self.verify, "pages") or 0) > 0 and
                zero(self.verify, "stale", "bad_words"),
            "disk_verified": (figure(self.verify, "chunks") or 0) > 0 and
                zero(self.verify, "bad_chunks", "disk_errors"),
            "tcp_session_survived":
                all(session.get(k) for k in ("survived", "one_life", "one_speaker")),
            "same_ip_and_mac": len(self.macs) == 2 and self.macs[0] == self.macs[1],
        }

    def arrived(self):
        m = self.migration
        return m.get("state") == "done" and [c.partition(".")[0] for c in self.copies] == [m["to"]]

    def figures(self):
        m = self.migration
        names = ("id", "vm", "from", "to", "mode", "total_seconds", "downtime_ms")
        return {**{name: m.get(name) for name in names},
                "ping_gap_ms": self.witness.get("ping_gap_ms"), "bytes": m.get("bytes", {})}


def audited(folder):
    return read(folder, "audit").split() == ["0"] * len(STATUS["clouds"])


def write_report(folder, hypervisor, held, proof, first, **more):
    report = {"verdict": "passed" if all(held.values()) else "failed", "hypervisor": hypervisor,
              "migration": first, "proof": proof, **more}
    with open(os.path.join(folder, "report.json"), "w") as file:
        json.dump(report, file)


def judge(folder):
    before, after = json.loads(read(folder, "before.json")), json.loads(read(folder, "after.json"))
    vms = read(folder, "vms").split()
    moves = [Moved(folder, vm, after) for vm in vms]
    each = [move.proofs() for move in moves]
    proof = {"running_copies": max(len(move.copies) for move in moves)}
    proof |= {name: all(p[name] for p in each) for name in each[0]}
    proof["leftovers"] = leftovers(before, after, vms)
    hits = inside_names(folder)
    proof["inside_names_on_wire"] = sum(hits.values())
    proof["audit_verified"] = None if PLAIN else audited(folder)
    held = {name: value is True or value == [] for name, value in proof.items()}
    held["running_copies"] = all(move.arrived() for move in moves)
    held["inside_names_on_wire"] = not hits
    if SIMULATED:  # there is no network to be heard on
        for name in "tcp_session_survived", "same_ip_and_mac":
            proof[name] = None
            del held[name]
    if PLAIN:  # the baseline hides nothing and keeps no log
        del held["inside_names_on_wire"], held["audit_verified"]
    more = {"migrations": [move.figures() for move in moves]} if len(moves) > 1 else {}
    write_report(folder, "simulated" if SIMULATED else "libvirt", held, proof, moves[0].figures(), **more)
    tell(held, proof, moves, hits)
    return all(held.values())


def tell(held, proof, moves, hits):
    for name, value in proof.items():
        verdict = {True: "held", False: "BROKEN", None: "not judged"}[held.get(name)]
        print(f"  {name:22} {json.dumps(value):8} {verdict}")
    for name, count in hits.items():
        print(f"    seen on the wire or in feeds: {name}, {count} times")
    for move in moves:
        f, session = move.figures(), move.witness.get("session", {})
        if SIMULATED:
            print(f"  {move.vm}: {f['total_seconds']} s in all, {move.verify.strip()}")
            continue
        print(f"  {move.vm}: {f['total_seconds']} s in all, downtime {f['downtime_ms']} ms by libvirt;"
              f" the neighbour's pings paused {f['ping_gap_ms']} ms; its session:"
              f" {session.get('lines')} answers, longest silence {session.get('silence_ms')} ms")
        broken = [name for name, proven in move.proofs().items() if not proven]
        if broken:
            print("   ", *broken, move.verify.strip(), session)


def settled(before, places):
    now = world()
    faults = leftovers(before, now, places)
    for vm, cloud in places.items():
        copies = [f"{host} {d['state']}" for host, held in now.items()
                  for name, d in held["domains"].items() if name == vm]
        if len(copies) != 1 or not re.fullmatch(rf"{cloud}\.\w+ running", copies[0]):
            faults.append(f"{vm} should run in {cloud} alone: {', '.join(copies) or 'nowhere'}")
    print(*faults, sep="\n", end="\n" if faults else "")
    return not faults


def main():
    if sys.argv[1] == "settled":
        places = dict(word.split("=") for word in sys.argv[3:])
        return 0 if settled(json.loads(read(sys.argv[2])), places) else 1
    if sys.argv[1] == "leaks":
        return 0 if leaks(sys.argv[2]) else 1
    if sys.argv[1] == "world":
        with open(sys.argv[2], "w") as file:
            json.dump(world(), file)
        return 0
    return 0 if judge(sys.argv[2]) else 1


sys.exit(main())
