#!/usr/bin/env python3
"""witness.py ADDRESS OUT [MS]: what a neighbour of a guest lives through while the guest moves.

It pings the guest every MS milliseconds (20) and keeps one TCP connection to the guest's resident, on
which it asks for the status all the time. At SIGTERM it asks once more and writes to OUT what it saw:

  ping_sent, ping_received, ping_twice (answers that came twice: two guests would do that)
  ping_gap_ms   the longest time between two answers
  session       survived (the same connection to the end, used after the move), lines, longest silence,
                one_life (same boot, time never ran back), one_speaker (no line was said twice), copies
                (tokens of the hosts it ran on, in order)
  write_gap_ms  the longest time in which the guest, by its word, finished no write to its disk; null
                if it never wrote
"""
import json
import os
import signal
import socket
import struct
import sys
import threading
import time

ADDRESS, OUT = sys.argv[1:3]
PAUSE = float(sys.argv[3] if len(sys.argv) > 3 else 20) / 1000
over = threading.Event()


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


class Pings:
    """ICMP echo (RFC 792); a reply counts when it arrives, whenever it was asked for."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self.socket.settimeout(0.2)
        self.id = os.getpid() & 0xFFFF
        self.sent, self.twice, self.last, self.gap, self.seen = 0, 0, None, 0.0, set()

    def send(self):
        while not over.is_set():
            head = struct.pack("!BBHHH", 8, 0, 0, self.id, self.sent & 0xFFFF)
            head = struct.pack("!BBHHH", 8, 0, checksum(head), self.id, self.sent & 0xFFFF)
            try:
                self.socket.sendto(head, (ADDRESS, 0))
            except OSError:  # no neighbour answers ARP: that is a gap, not an error
                pass
            self.sent += 1
            time.sleep(PAUSE)

    def receive(self):
        while not over.is_set():
            try:
                packet, (sender, _) = self.socket.recvfrom(2048)
            except OSError:
                continue
            kind, _, _, ident, sequence = struct.unpack("!BBHHH", packet[20:28])
            if kind != 0 or ident != self.id or sender != ADDRESS:
                continue
            now = time.monotonic()
            self.gap = max(self.gap, now - self.last if self.last else 0)
            self.last = now
            self.twice += sequence in self.seen
            self.seen.add(sequence)

    def report(self):
        silence = time.monotonic() - self.last if self.last else 0
        return {"ping_sent": self.sent, "ping_received": len(self.seen), "ping_twice": self.twice,
                "ping_gap_ms": round(max(self.gap, silence) * 1000)}


class Session:
    """One TCP connection; every line is judged against the one before."""

    def __init__(self):
        self.socket = socket.create_connection((ADDRESS, 9000), 10)
        self.socket.settimeout(60)
        self.stream = self.socket.makefile("rw", buffering=1)
        self.lines, self.silence, self.broken, self.previous, self.copies = 0, 0.0, None, None, []
        self.one_life = self.one_speaker = True
        self.wrote_at, self.write_gap = None, None
        self.asked_last = False

    def ask(self):
        began = time.monotonic()
        self.stream.write("status\n")
        line = self.stream.readline()
        if not line:
            raise OSError("closed by the guest")
        self.silence = max(self.silence, time.monotonic() - began)
        self.judge(dict(word.partition("=")[::2] for word in line.split()[1:]))

    def judge(self, now):
        before, self.previous = self.previous, now
        self.lines += 1
        if not self.copies or self.copies[-1] != now["copy"]:
            self.copies.append(now["copy"])
        if before:
            self.watch_writes(int(now["written"]) > int(before["written"]))
            self.one_life &= now["boot"] == before["boot"]
            self.one_life &= int(now["beat"]) >= int(before["beat"])
            self.one_speaker &= int(now["reply"]) > int(before["reply"])

    # From one write seen to the next, so that what came before the first is nobody's silence.
    def watch_writes(self, progressed):
        now = time.monotonic()
        if self.wrote_at:
            self.write_gap = max(self.write_gap or 0, now - self.wrote_at)
        if progressed:
            self.wrote_at = now

    def hold(self):
        try:
            while not over.is_set():
                self.ask()
                time.sleep(PAUSE)
            self.socket.settimeout(10)
            self.ask()
            self.asked_last = True
        except (OSError, ValueError, KeyError) as error:
            self.broken = str(error) or type(error).__name__

    def report(self):
        return {"survived": self.asked_last and self.lines > 1, "broken": self.broken,
                "lines": self.lines, "silence_ms": round(self.silence * 1000),
                "one_life": self.one_life, "one_speaker": self.one_speaker, "copies": self.copies}


def main():
    asked = []  # not over.set(): within over.wait() it would wait for its own lock for ever
    signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
    pings, session = Pings(), Session()
    threads = [threading.Thread(target=t, daemon=True)
               for t in (pings.send, pings.receive, session.hold)]
    for thread in threads:
        thread.start()
    print("watching", flush=True)
    while not asked:
        time.sleep(0.1)
    over.set()
    for thread in threads:
        thread.join(70)  # after a long silence TCP tries again only every half minute
    with open(OUT + ".new", "w") as file:
        write_gap = session.write_gap and round(session.write_gap * 1000)
        json.dump({**pings.report(), "write_gap_ms": write_gap, "session": session.report()}, file)
    os.rename(OUT + ".new", OUT)


main()
