#!/usr/bin/env python3
"""turnstile.py MESSAGE SOCKET...: one message of libvirt's waits at the door until it is let through.

It takes the place of unix sockets that libvirt's RPC goes through (the real one moves aside to
SOCKET.behind; a SOCKET with a * is taken as soon as it appears) and carries everything unchanged,
frame by frame (src/rpc/virnetprotocol.x), but the first MESSAGE of a migration that was not cancelled:

  finish-call    the source's libvirtd asks the destination's to finish: the guest is paused there,
                 all of its memory is here
  finish-reply   the destination's libvirtd has finished: both copies are whole and paused
  stream         all of it, whatever it carries; it passes, and is broken off when it is to be lost

It says "waiting", "held", and after SIGUSR1 "passed" or after SIGUSR2 "lost". What else goes over the
same stream, keepalive too, passes meanwhile. SIGTERM: the real sockets are back and this ends.
"""
import asyncio
import contextlib
import glob
import os
import signal
import struct
import sys

REMOTE, FINISH = 0x20008086, 306  # REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_MIGRATE_FINISH3_PARAMS
HEADER = struct.Struct("!IIIiiIi")  # length program version procedure type serial status
CALL, REPLY, OK = 0, 1, 0
WANTED = {"finish-call": CALL, "finish-reply": REPLY, "stream": None}[sys.argv[1]]


class Turnstile:
    def __init__(self, patterns):
        self.patterns, self.taken, self.let = patterns, {}, asyncio.Event()
        self.used = self.lost = False

    def open(self, lost):
        self.lost = lost
        self.let.set()

    async def take_places(self):
        while True:
            for path in {p for pattern in self.patterns for p in glob.glob(pattern)} - set(self.taken):
                await self.take(path)
            await asyncio.sleep(0.002)

    async def take(self, path):
        # Bound first and moved there in one step: whoever connects finds one or the other.
        ours, mode = path + ".ours", os.stat(path).st_mode
        self.taken[path] = await asyncio.start_unix_server(lambda r, w: self.carry(path, r, w), ours)
        os.chmod(ours, mode & 0o777)
        os.link(path, path + ".behind")
        os.rename(ours, path)

    def give_back(self):
        for path in self.taken:
            with contextlib.suppress(FileNotFoundError):
                if os.path.exists(path):
                    os.rename(path + ".behind", path)
                else:  # its owner removed it meanwhile
                    os.unlink(path + ".behind")

    async def carry(self, path, reader, writer):
        behind, onwards = await asyncio.open_unix_connection(path + ".behind")
        cancelled = {}  # by serial
        if WANTED is None:
            ways = [self.pour(reader, onwards), self.pour(behind, writer), self.break_off()]
        else:
            ways = [self.pump(reader, onwards, CALL, cancelled), self.pump(behind, writer, REPLY, cancelled)]
        ways = [asyncio.create_task(way) for way in ways]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for end in (writer, onwards):
            end.close()

    async def pour(self, source, to):
        with contextlib.suppress(ConnectionError):
            while some := await source.read(1 << 18):
                if not self.used:
                    self.used = True
                    print("held", flush=True)
                to.write(some)
                await to.drain()

    async def break_off(self):
        await self.let.wait()
        print("lost" if self.lost else "passed", flush=True)
        if not self.lost:
            await asyncio.Event().wait()

    async def pump(self, source, to, kind, cancelled):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                frame = await source.readexactly(4)
                frame += await source.readexactly(struct.unpack("!I", frame)[0] - 4)
                if self.is_it(frame, kind, cancelled):
                    asyncio.get_running_loop().create_task(self.hold(frame, to))
                else:
                    to.write(frame)
                    await to.drain()

    def is_it(self, frame, kind, cancelled):
        _, program, _, procedure, said, serial, status = HEADER.unpack(frame[:HEADER.size])
        if (program, procedure, said) != (REMOTE, FINISH, kind):
            return False
        if kind == CALL:
            cancelled[serial] = frame[-4:] != bytes(4)  # the last argument
        found = kind == WANTED and status == OK and not cancelled.get(serial, True) and not self.used
        self.used |= found
        return found

    async def hold(self, frame, to):
        print("held", flush=True)
        await self.let.wait()
        if not self.lost:
            with contextlib.suppress(ConnectionError):
                to.write(frame)
                await to.drain()
        print("lost" if self.lost else "passed", flush=True)


async def main():
    stile, over = Turnstile(sys.argv[2:]), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, stile.open, False)
    loop.add_signal_handler(signal.SIGUSR2, stile.open, True)
    loop.add_signal_handler(signal.SIGTERM, over.set)
    taking = asyncio.create_task(stile.take_places())
    while not all("*" in p or p in stile.taken for p in stile.patterns) and not taking.done():
        await asyncio.sleep(0.01)
    print("waiting", flush=True)
    await asyncio.wait([taking, asyncio.create_task(over.wait())], return_when=asyncio.FIRST_COMPLETED)
    stile.give_back()


asyncio.run(main())
