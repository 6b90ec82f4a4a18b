"""Sends messages of many lengths to an echo server, whole and fragmented, and checks the echoes."""

import asyncio
import sys
import websockets

LENGTHS = [0, 125, 126, 65_535, 65_536, 16 * 1024 * 1024]


async def main(url):
    async with websockets.connect(
        url, max_size=64 * 1024 * 1024, compression=None, ping_interval=None
    ) as websocket:
        for length in LENGTHS:
            for message in ("a" * length, bytes(length)):
                await websocket.send(message)
                assert await websocket.recv() == message, length
        await websocket.send(iter(["Hel", "l", "o"]))
        assert await websocket.recv() == "Hello"
        await asyncio.wait_for(await websocket.ping(b"now"), 5)
        await websocket.close(3001, "done")
        print("closed", websocket.close_code, websocket.close_reason)


asyncio.run(main(sys.argv[1]))
