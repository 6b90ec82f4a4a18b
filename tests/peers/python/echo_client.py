"""Talks to our echo server, and prints how both of its connections ended."""

import asyncio
import sys
import websockets
from conversation import CLIENT_OPTIONS, LENGTHS, bytes_of, send_fragments, text_of


async def main(url):
    async with websockets.connect(url, **CLIENT_OPTIONS) as websocket:
        for length in LENGTHS:
            for message in (text_of(length), bytes_of(length)):
                await websocket.send(message)
                assert await websocket.recv() == message, length
        pongs = await send_fragments(websocket)
        assert await websocket.recv() == "Hello"
        await asyncio.gather(*pongs)
        await websocket.send("fragments")
        assert await websocket.recv() == "Hello"
        await websocket.close(3001, "done")
        print("closed", websocket.close_code)
    async with websockets.connect(url, **CLIENT_OPTIONS) as websocket:
        await websocket.send("close 4001 bye")
        await websocket.wait_closed()
        print("closed", websocket.close_code, websocket.close_reason)


asyncio.run(main(sys.argv[1]))
