"""
Talks to our echo server, and prints how its connection ended: its arguments are the URL, a JSON array
of lengths, another one of the last messages, and what it is to ask for.
"""

import asyncio
import json
import sys
import websockets
from conversation import CLIENT_OPTIONS, bytes_of, send_fragments, text_of
from deflate import client_extensions


async def main(url, lengths, last, agreement):
    extensions = client_extensions(agreement)
    async with websockets.connect(
        url, compression=None, extensions=extensions, **CLIENT_OPTIONS
    ) as websocket:
        print(*(extension.name for extension in websocket.extensions))
        for length in json.loads(lengths):
            for message in (text_of(length), bytes_of(length)):
                await websocket.send(message)
                assert await websocket.recv() == message, length
        pongs = await send_fragments(websocket)
        assert await websocket.recv() == "Hello"
        await asyncio.gather(*pongs)
        await websocket.send("fragments")
        assert await websocket.recv() == "Hello"
        for message in json.loads(last):
            await websocket.send(message)
            assert await websocket.recv() == message, message
        await websocket.close(3001, "done")
        print("closed", websocket.close_code)


asyncio.run(main(*sys.argv[1:]))
