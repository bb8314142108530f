#!/usr/bin/env python3
"""feed-cut.py DIR: the feeds carry nothing new for as long as this runs.

It holds the write lock of every feed in DIR (one SQLite file each, WAL): a publisher is told "busy",
as by a broker that does not answer, and a reader sees what was there and nothing after it. Nothing is
lost or changed; the lock goes with the process. A feed made meanwhile is taken within 50 ms.
"""
import itertools
import os
import sqlite3
import sys
import time


def is_feed(path):
    # Never open SQLite's own files: closing one drops the locks this process holds on it (POSIX).
    if path.endswith(("-wal", "-shm", "-journal")):
        return False
    try:
        with open(path, "rb") as file:
            return file.read(15) == b"SQLite format 3"
    except OSError:
        return False


def take(path):
    held = sqlite3.connect(path, timeout=5, isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    return held


def main(directory):
    held = {}
    for turn in itertools.count():
        for name in sorted(os.listdir(directory)):
            if name not in held and is_feed(os.path.join(directory, name)):
                held[name] = take(os.path.join(directory, name))
        if turn == 0:
            print("holding", *held, flush=True)
        time.sleep(0.05)


main(sys.argv[1])
