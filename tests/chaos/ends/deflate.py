"""The extensions by a word: `takeover`, `no-takeover`, or none."""

from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)


def factories(factory, word):
    if word == "":
        return []
    alone = word == "no-takeover"
    return [factory(server_no_context_takeover=alone, client_no_context_takeover=alone)]


def client_extensions(word):
    return factories(ClientPerMessageDeflateFactory, word)


def server_extensions(word):
    return factories(ServerPerMessageDeflateFactory, word)
