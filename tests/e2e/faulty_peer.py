"""A network peer that speaks the protocol and misbehaves, written on pyzmq and msgpack alone.

    faulty_peer.py PORT NETWORK HOW      HOW: lie | silent | no_data | overloaded | endless

Prints its public key (Z85) when it listens. Serves until its standard input ends.
"""

import sys

import msgpack
import zmq

HELLO, PING, PONG, ASK, VALUE, NO_DATA, OVERLOADED = 1, 2, 3, 4, 5, 6, 7

# A message of a gibibyte, in frames that are each small enough.
FRAME, FRAMES = bytes(64 * 1024), 16 * 1024


def answers(items, how):
    out, payload = [], b""
    for kind, *fields in items:
        if kind == HELLO:
            out.append([HELLO, 77, 32, 4 << 20, "faulty/1"])
        elif kind == PING:
            out.append([PONG, fields[0], 77])
        elif kind == ASK and how == "lie":
            wrong = b"wrong bytes for " + fields[1]
            out.append([VALUE, fields[0], len(wrong)])
            payload += wrong
        elif kind == ASK and how == "no_data":
            out.append([NO_DATA, fields[0], 0])
        elif kind == ASK and how == "overloaded":
            out.append([OVERLOADED, fields[0], 200])
    return out, payload


def main():
    port, network, how = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    public, secret = zmq.curve_keypair()
    context = zmq.Context()
    door = context.socket(zmq.ROUTER)
    door.curve_server, door.curve_secretkey = True, secret
    door.linger = 0
    door.bind(f"tcp://127.0.0.1:{port}")
    print(public.decode(), flush=True)

    poller = zmq.Poller()
    poller.register(door, zmq.POLLIN)
    poller.register(sys.stdin.fileno(), zmq.POLLIN)
    while True:
        ready = dict(poller.poll())
        if sys.stdin.fileno() in ready:
            break
        route, envelope, *_ = door.recv_multipart()
        _, version, said, items = msgpack.unpackb(envelope)
        if version != 1 or said != network:
            continue
        out, payload = answers(items, how)
        if how == "endless" and any(kind == ASK for kind, *_ in items):
            for part in [route] + [FRAME] * FRAMES:
                door.send(part, zmq.SNDMORE, copy=False)
            door.send(b"")
        elif out:
            frames = [route, msgpack.packb([1, 1, network, out])]
            door.send_multipart(frames + [payload] if payload else frames)
    context.destroy(linger=0)


if __name__ == "__main__":
    main()
