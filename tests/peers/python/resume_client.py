"""A client of lws.resume.v1, by docs/guide/resume.md, which prints what it is handed."""

import asyncio
import json
import random
import sys

import websockets


def unpacked(data):
    """The parts of a publication of bytes."""
    at = 1

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def text():
        nonlocal at
        length = number()
        at += length
        return data[at - length:at].decode()

    topic, epoch, offset = text(), text(), number()
    return {"t": topic, "d": data[at:], **({"e": epoch, "o": offset} if offset else {})}


class Client:
    position = None
    attempts = 0

    def take(self, message):
        if isinstance(message, bytes):
            if message[0] != 1:
                return
            message = unpacked(message)
        else:
            message = json.loads(message)
        self.attempts = 0
        if "x" in message:
            print(message["x"])
        elif "s" in message or "g" in message:
            self.position = message["e"], message["o"]
            print("begin", message["r"]) if "s" in message else print("gap", message["g"])
        elif "t" in message:
            self.hand(message)

    def hand(self, message):
        if "o" in message:
            epoch, offset = self.position
            if message["e"] == epoch and message["o"] <= offset:
                return
            self.position = message["e"], message["o"]
        data = message["d"]
        print(f"{len(data)} bytes" if isinstance(data, bytes) else repr(data))

    async def run(self, url):
        while True:
            try:
                async with websockets.connect(url, subprotocols=["lws.resume.v1"]) as socket:
                    ask = {"s": 1, "t": "t"}
                    if self.position:
                        ask["e"], ask["o"] = self.position
                    else:
                        await socket.send(json.dumps({"s": 2, "t": "no"}))
                    await socket.send(json.dumps(ask))
                    async for message in socket:
                        self.take(message)
                        sys.stdout.flush()
            except websockets.ConnectionClosed:
                pass
            await asyncio.sleep(random.uniform(0, min(20, 0.05 * 2 ** self.attempts)))
            self.attempts += 1


asyncio.run(Client().run(sys.argv[1]))
