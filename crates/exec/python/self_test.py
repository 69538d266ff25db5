# What every new worker must refuse before it is used.

import os
import socket

import sympy


def attempt(name, action):
    try:
        action()
    except OSError:
        print(name, "refused")
    else:
        print(name, "POSSIBLE")


attempt("socket", socket.socket)
attempt("read", lambda: open("/etc/passwd"))
# A file without a name: where it is possible after all, it leaves nothing.
attempt("write", lambda: os.open("/", os.O_TMPFILE | os.O_WRONLY))
attempt("fork", os.fork)
attempt("kill", lambda: os.kill(os.getppid(), 0))
attempt("exec", lambda: os.execv("/bin/true", ["true"]))
print(sympy.sqrt(sympy.Integer(16)))
