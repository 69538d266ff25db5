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
attempt("write", lambda: os.open("/espalier-self-test", os.O_CREAT | os.O_WRONLY))
attempt("fork", os.fork)
attempt("kill", lambda: os.kill(os.getppid(), 0))
attempt("exec", lambda: os.execv("/bin/true", ["true"]))
print(sympy.sqrt(sympy.Integer(16)))
