"""Echoes messages; prints its port, and then how each connection ended."""

import asyncio
import re
import websockets
from conversation import OPTIONS, send_fragments


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
    print("closed", websocket.close_code, websocket.close_reason, flush=True)


async def main():
    async with websockets.serve(echo, "127.0.0.1", 0, **OPTIONS) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main())
