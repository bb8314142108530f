"""clear.py: what crossed the WAN, in clear: a capture of it (pcap) and the proxies' key log.

The proxies append each connection's secrets to a file (proxy.yaml: wan.key_log, NSS key log format);
with them every TLS 1.3 record (RFC 8446) is opened again as it was sealed. What a gate made of a
stream is therefore read where it left its cloud, not where somebody says that it passed.
"""
import collections
import hashlib
import hmac
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

LANES = ["ctl", "mem", "nbd", "record"]  # adapters/channel/preface.hpp
SUITES = {0x1301: (AESGCM, 16, hashlib.sha256), 0x1302: (AESGCM, 32, hashlib.sha384),
          0x1303: (ChaCha20Poly1305, 32, hashlib.sha256)}
HANDSHAKE, DATA = 22, 23


def flows(capture):
    """-> ({(address and port, address and port): bytes that went that way, in order}, [other packets]).
    LINKTYPE_RAW, nanoseconds, as wan.cpp writes it: complete, not sampled."""
    segments, others, offset = collections.defaultdict(dict), [], 24
    with open(capture, "rb") as file:
        data = file.read()
    while offset + 16 <= len(data):
        size = int.from_bytes(data[offset + 8:offset + 12], "little")
        packet = data[offset + 16:offset + 16 + size]
        offset += 16 + size
        start = (packet[0] & 15) * 4
        if packet[9] != 6:
            others.append(packet[start:])
            continue
        sequence = int.from_bytes(packet[start + 4:start + 8], "big")
        payload = packet[start + (packet[start + 12] >> 4) * 4:]
        if payload:
            ends = (packet[12:16] + packet[start:start + 2], packet[16:20] + packet[start + 2:start + 4])
            flow = segments[ends]
            flow[sequence] = max(flow.get(sequence, b""), payload, key=len)
    return {ends: joined(flow) for ends, flow in segments.items()}, others


def joined(segments):
    """Segments may overlap where some of them were sent again."""
    first = min(segments, key=lambda s: (s - next(iter(segments)) + 2**31) % 2**32)
    parts, end = [], 0
    for sequence in sorted(segments, key=lambda s: (s - first) % 2**32):
        at, payload = (sequence - first) % 2**32, segments[sequence]
        if at + len(payload) > end:
            parts.append(payload[max(0, end - at):])
            end = at + len(payload)
    return b"".join(parts)


def secrets(*logs):
    found = {}
    for log in logs:
        with open(log) as file:
            for line in file:
                label, random, secret = line.split()
                found[label, bytes.fromhex(random)] = bytes.fromhex(secret)
    return found


class Opener:
    """Opens one direction's records with one secret."""

    def __init__(self, suite, secret):
        cipher, size, digest = SUITES[suite]
        self.cipher = cipher(self.expand(secret, b"key", size, digest))
        self.iv = int.from_bytes(self.expand(secret, b"iv", 12, digest), "big")
        self.number = 0

    @staticmethod
    def expand(secret, label, size, digest):  # HKDF-Expand-Label, one round is enough
        label = b"tls13 " + label
        info = struct.pack("!HB", size, len(label)) + label + b"\0"
        return hmac.new(secret, info + b"\1", digest).digest()[:size]

    def open(self, head, body):
        nonce = (self.iv ^ self.number).to_bytes(12, "big")
        inner = self.cipher.decrypt(nonce, body, head).rstrip(b"\0")
        self.number += 1
        return inner[-1], inner[:-1]


def records(stream):
    at = 0
    while at + 5 <= len(stream):
        size = int.from_bytes(stream[at + 3:at + 5], "big")
        yield stream[at:at + 5], stream[at + 5:at + 5 + size]
        at += 5 + size


def hello(stream):
    """-> (the random, the cipher suite if it is a server's) of a hello; None: no TLS."""
    if len(stream) < 80 or stream[0] != HANDSHAKE or stream[5] not in (1, 2):
        return None
    after = 44 + stream[43]
    return stream[11:43], int.from_bytes(stream[after:after + 2], "big")


def opened(stream, who, random, suite, keys):
    """The application data of one direction; what does not open ends it."""
    wanted = [keys.get((f"{who}_{kind}_SECRET{n}", random))
              for kind, n in (("HANDSHAKE_TRAFFIC", ""), ("TRAFFIC", "_0"))]
    if None in wanted:
        return None
    openers, data = [Opener(suite, secret) for secret in wanted], []
    for head, body in records(stream):
        if head[0] != DATA:
            continue
        while openers:
            try:
                kind, text = openers[0].open(head, body)
                break
            except InvalidTag:
                openers.pop(0)
        if not openers:  # cut off in the midst of a record
            break
        if kind == DATA:
            data.append(text)
    return b"".join(data)


class Stream:
    """One connection between two proxies: `sent` by who dialled (the source's), `answered`."""

    def __init__(self, lane, sent, answered):
        self.lane, self.sent, self.answered = lane, sent, answered


def lanes(found, *logs):
    """-> ([Stream], how many connections could not be opened), of flows()."""
    keys, closed, made = secrets(*logs), 0, []
    for (here, there), stream in found.items():
        back, said = found.get((there, here), b""), hello(stream)
        if not said or stream[5] != 1:
            continue
        answer = hello(back)
        sent = answer and opened(stream, "CLIENT", said[0], answer[1], keys)
        if sent is None:
            closed += answer is not None
            continue
        answered = opened(back, "SERVER", said[0], answer[1], keys)
        lane = LANES[sent[5]] if sent.startswith(b"crvn") and len(sent) > 5 and sent[5] < len(LANES) else "?"
        made.append(Stream(lane, sent, answered))
    return made, closed


def nbd_handles(stream):
    """The numbers by which the requests of an nbd stream's client are named, as far as it can be read."""
    at, handles = stream.sent.find(struct.pack("!I", 0x25609513)), set()
    while at >= 0 and at + 28 <= len(stream.sent):
        magic, _, command, handle, _, length = struct.unpack("!IHHQQI", stream.sent[at:at + 28])
        if magic != 0x25609513:
            raise ValueError("lost in an nbd stream")
        handles.add(handle)
        at += 28 + (length if command == 1 else 0)
    return handles
