#!/usr/bin/env python3
"""peer.py PKI PEER-CA ADDRESS ID TICKET [CALL]: a hostile peer cloud's proxy.

It has the cloud's own WAN certificate (PKI/proxy.pem, proxy.key), dials the other cloud's proxy at
ADDRESS and shows TICKET, a signed ticket's JSON, under migration ID. It prints what it is answered: the
reason of a refusal, or "welcome". With CALL it then speaks libvirt's RPC over the ctl stream, greets as
libvirt does, makes that one call and prints the error that it gets instead of an answer:

  list_domains node_info host_name undefine lookup another_domain (prepares a migration of that)
"""
import json
import socket
import ssl
import struct
import sys

PROGRAM, CALL, OK = 0x20008086, 0, 0
FLAGS = 0x400AB  # what Caravan's own migrations have (adapters/channel/gate/rules.hpp)
OTHER = "11111111-2222-4333-8444-555555555555"


def number(x):
    return struct.pack("!I", x)


def text(x):
    data = x.encode()
    return number(len(data)) + data + bytes(-len(data) % 4)


def maybe(x):
    return number(1) + text(x)


def domain(name):
    return text(name) + bytes.fromhex(OTHER.replace("-", "")) + number(0xFFFFFFFF)


def prepare(migration, disks):
    xml = f"<domain type='qemu'><name>other</name><uuid>{OTHER}</uuid></domain>"
    params = [("destination_xml", xml), ("migrate_uri", f"unix:///caravan/{migration}-mem.sock"),
              ("disks_uri", f"unix:///caravan/{migration}-nbd.sock"), *(("migrate_disks", d) for d in disks)]
    said = b"".join(text(field) + number(7) + text(value) for field, value in params)
    return number(len(params)) + said + number(0) + number(FLAGS)


class Peer:
    def __init__(self, pki, peer_ca, address):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False
        context.load_verify_locations(peer_ca)
        context.load_cert_chain(f"{pki}/proxy.pem", f"{pki}/proxy.key")
        host, _, port = address.rpartition(":")
        self.line = context.wrap_socket(socket.create_connection((host, int(port)), 10))
        self.line.settimeout(20)
        self.serial = 0

    def read(self, size):
        data = b""
        while len(data) < size:
            more = self.line.recv(size - len(data))
            if not more:
                raise ConnectionError("closed")
            data += more
        return data

    def show(self, migration, ticket):
        """The preface of a ctl stream (adapters/channel/preface.hpp), and the answer to it."""
        body, signature, name = (t.encode() for t in (ticket["body"], ticket["signature"], migration))
        said = bytes([len(name)]) + name + struct.pack("!H", len(body)) + body + bytes([len(signature)]) + signature
        self.line.sendall(b"crvn\1\0" + struct.pack("!H", len(said)) + said)
        return self.read(self.read(1)[0]).decode()

    def call(self, procedure, arguments=b""):
        """-> the error's message, None if it was answered."""
        frame = struct.pack("!IIiiIi", PROGRAM, 1, procedure, CALL, self.serial, OK) + arguments
        self.line.sendall(number(len(frame) + 4) + frame)
        self.serial += 1
        reply = self.read(struct.unpack("!I", self.read(4))[0] - 4)
        if struct.unpack("!i", reply[20:24])[0] == OK:
            return None
        _, _, there = struct.unpack("!iiI", reply[24:36])
        size = struct.unpack("!I", reply[36:40])[0] if there else 0
        return reply[40:40 + size].decode() or "an error"


def main():
    pki, peer_ca, address, migration, ticket = sys.argv[1:6]
    ticket = json.loads(ticket)
    peer = Peer(pki, peer_ca, address)
    refused = peer.show(migration, ticket)
    print(refused or "welcome")
    if refused or len(sys.argv) < 7:
        return
    calls = {"list_domains": (273, number(1) + number(0)), "node_info": (6, b""), "host_name": (59, b""),
             "undefine": (35, domain("other")), "lookup": (23, text("other")),
             "another_domain": (303, prepare(migration, json.loads(ticket["body"])["disks"]))}
    for greeting in ((66, b""), (60, number(10)), (1, maybe("qemu:///system") + number(0))):
        if peer.call(*greeting) is not None:
            sys.exit("libvirt does not greet back")
    print(peer.call(*calls[sys.argv[6]]) or "ANSWERED")
    try:
        peer.read(1)
        print("still open")
    except (ConnectionError, OSError):
        print("closed")


main()
