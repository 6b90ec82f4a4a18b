"""Echoes messages, compressed; its argument is what it is to ask for. It prints its port."""

import asyncio
import re
import sys
import websockets
from conversation import OPTIONS, send_fragments
from deflate import server_extensions


async def echo(websocket):
    try:
        async for message in websocket:
            close = isinstance(message, str) and re.fullmatch(r"close (\d+) (.*)", message)
            if close:
                await websocket.close(int(close[1]), close[2])
            elif message == "fragments":
                await send_fragments(websocket)
            else:
                await websocket.send(message)
    except websockets.ConnectionClosed:
        pass  # Any code but 1000 and 1001.


async def main(agreement):
    extensions = server_extensions(agreement)
    async with websockets.serve(
        echo, "127.0.0.1", 0, compression=None, extensions=extensions, **OPTIONS
    ) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main(sys.argv[1]))
