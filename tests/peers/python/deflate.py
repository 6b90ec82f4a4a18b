"""What tests/peers/deflate.ts agrees to, as JSON, for websockets; without it, there is nothing to ask."""

import json
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)


def parameters(agreement):
    """The parameters of both factories, which call them as RFC 7692 does."""
    asked = {
        "server_no_context_takeover": agreement["serverNoContextTakeover"],
        "client_no_context_takeover": agreement["clientNoContextTakeover"],
    }
    # 15 is what holds when nobody says anything.
    if agreement["serverMaxWindowBits"] < 15:
        asked["server_max_window_bits"] = agreement["serverMaxWindowBits"]
    if agreement["clientMaxWindowBits"] < 15:
        asked["client_max_window_bits"] = agreement["clientMaxWindowBits"]
    return asked


def client_extensions(text):
    return [ClientPerMessageDeflateFactory(**(parameters(json.loads(text)) if text else {}))]


def server_extensions(text):
    return [ServerPerMessageDeflateFactory(**(parameters(json.loads(text)) if text else {}))]
