"""Runs a program at a pseudo-terminal, and types for it what a script says.

The arguments are the program's; standard input has the script: "wait TEXT" and "type TEXT" on lines of their
own, TEXT as JSON. Prints all that the terminal showed, and then the program's exit code.
"""

import json
import os
import pty
import sys

shown = b""


def wait(fd, text):
    global shown
    start = getattr(wait, "start", 0)
    while True:
        at = shown.find(text.encode(), start)
        if at >= 0:
            wait.start = at + len(text.encode())
            return
        shown += os.read(fd, 4096)


steps = [line.split(" ", 1) for line in sys.stdin.read().splitlines()]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
for verb, text in steps:
    if verb == "wait":
        wait(fd, json.loads(text))
    else:
        os.write(fd, json.loads(text).encode())
try:
    while piece := os.read(fd, 4096):
        shown += piece
except OSError:
    pass  # The program has ended.
_, status = os.waitpid(pid, 0)
print(json.dumps([shown.decode(), os.waitstatus_to_exitcode(status)]))
