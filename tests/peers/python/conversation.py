"""What both sides say: the messages of tests/peers/echo.ts."""

LENGTHS = [0, 125, 126, 65_535, 65_536, 16 * 1024 * 1024]
# Limits in time are no part of the test: whoever runs this has one.
OPTIONS = {"max_size": 64 * 1024 * 1024, "ping_interval": None, "close_timeout": 600}
CLIENT_OPTIONS = {**OPTIONS, "open_timeout": None}


def text_of(length):
    """A text of that many bytes of UTF-8."""
    return "aß→😀" * (length // 10) + "a" * (length % 10)


def bytes_of(length):
    """That many bytes, none like its neighbour."""
    return (bytes(range(251)) * (length // 251 + 1))[:length]


async def send_fragments(websocket):
    """Sends a message in three frames, and resolves when the pings in between are answered."""
    pongs = []

    async def parts():
        yield "Hel"
        pongs.append(await websocket.ping(b"one"))
        yield "l"
        pongs.append(await websocket.ping(b"two"))
        yield "o"

    await websocket.send(parts())
    return pongs
