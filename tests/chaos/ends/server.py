"""Echoes messages; its argument is the word for its extensions. It prints its port."""

import asyncio
import logging
import sys
import websockets
from deflate import server_extensions


async def echo(websocket):
    try:
        async for message in websocket:
            await websocket.send(message)
    except websockets.ConnectionClosed:
        pass


async def main(word):
    # Handshakes that are broken off are what this is for.
    logging.disable()
    async with websockets.serve(
        echo,
        "127.0.0.1",
        0,
        compression=None,
        extensions=server_extensions(word),
        ping_interval=None,
        close_timeout=120,
    ) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main(sys.argv[1]))
