"""
Has a conversation for each line of its input, which has a name and a URL as JSON, and prints what came of
it: as tests/chaos/conversation.ts, in Python. Its arguments are the word for its extensions, and the
authority that it trusts, as PEM.
"""

import asyncio
import json
import random
import ssl
import sys
import zlib
import websockets
from deflate import client_extensions

MOST_MESSAGES = 40
WIDEST_WINDOW = 12
LETTERS = ["a", "ß", "→", "😀", "lorem ipsum ", "\n"]


def make_message(numbers, number):
    """The message of this number, and its frames."""
    size = numbers.randrange(2 ** numbers.randrange(18))
    if numbers.randrange(2) == 0:
        text = ""
        while len(text) < size:
            text += numbers.choice(LETTERS) * numbers.randint(1, 9)
        message = f"{number:08x}{zlib.crc32(text.encode()):08x}{text}"
    else:
        body = numbers.randbytes(size) if numbers.randrange(2) else bytes(size)
        message = number.to_bytes(4) + zlib.crc32(body).to_bytes(4) + body
    cuts = sorted(numbers.randrange(len(message) + 1) for _ in range(numbers.choice([0, 0, 3])))
    frames = [message[a:b] for a, b in zip([0, *cuts], [*cuts, len(message)])]
    return message, frames


async def converse(url, name, context, word):
    numbers = random.Random(name)
    total = numbers.randint(1, MOST_MESSAGES)
    leaves_after = numbers.randrange(total) if numbers.randrange(4) == 0 else total
    room = asyncio.Semaphore(numbers.randint(1, WIDEST_WINDOW))
    sent = []
    outcome = {"confirmed": 0, "bytes": 0, "wasEstablished": False, "code": 0, "isWhole": False}
    faults = []

    async def say(websocket):
        for number in range(total):
            await room.acquire()
            if outcome["confirmed"] >= leaves_after:
                return
            message, frames = make_message(numbers, number)
            sent.append(message)
            await websocket.send(frames[0] if len(frames) == 1 else frames)
            if numbers.randrange(4) == 0:
                await websocket.ping()

    try:
        async with websockets.connect(
            url,
            ssl=context,
            compression=None,
            extensions=client_extensions(word),
            ping_interval=None,
            open_timeout=120,
            close_timeout=120,
        ) as websocket:
            outcome["wasEstablished"] = True
            saying = asyncio.create_task(say(websocket))
            try:
                while outcome["confirmed"] < leaves_after:
                    echo = await websocket.recv()
                    expected = sent.pop(0) if sent else None
                    if echo != expected:
                        faults.append(f"another echo came as {outcome['confirmed']}")
                    outcome["confirmed"] += 1
                    outcome["bytes"] += len(echo)
                    room.release()
            finally:
                # Not in the middle of a message: that would end the connection with 1011.
                room.release()
                await asyncio.gather(saying, return_exceptions=True)
            await websocket.close()
            outcome["code"] = websocket.close_code
            outcome["isWhole"] = websocket.close_code == 1000
    except (OSError, websockets.WebSocketException, EOFError):
        pass
    print(json.dumps({"name": name, **outcome, "faults": faults}), flush=True)


async def main(word, authority):
    context = ssl.create_default_context(cadata=authority) if authority else None
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    # What breaks connections off is what this is for.
    loop.set_exception_handler(lambda *_: None)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    talks = set()
    while line := await reader.readline():
        talk = asyncio.create_task(converse(context=context, word=word, **json.loads(line)))
        talks.add(talk)
        talk.add_done_callback(talks.discard)
    await asyncio.gather(*talks)


asyncio.run(main(*sys.argv[1:]))
