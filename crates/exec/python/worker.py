# The worker: a warm interpreter that forks one child for each run.
#
# It holds one child ready, says how it ended, and cleans up after it. It reads nothing that a
# program can write.

import select
import socket
import time

# On older Pythons the current folder is on the path.
sys.path[:] = [entry for entry in sys.path if entry]
PR_SET_DUMPABLE = 4


class Lost(Exception):
    """The other end is gone: there is nothing left to do."""


def cpu_clock(pid):
    """The id of the clock of the CPU time that process `pid` has used (clock_getcpuclockid(3))."""
    return (~pid << 3) | 2


class Child:
    def __init__(self, plan, descriptors):
        out, err, code = descriptors
        go, self.go = os.pipe()
        self.ready, ready = os.pipe()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            run_child(plan, parent, ready, go, out, err, code)
        for descriptor in (ready, go, out, err, code):
            os.close(descriptor)
        self.pidfd = os.pidfd_open(self.pid)

    def is_gone(self):
        return bool(select.select([self.pidfd], [], [], 0)[0])

    def is_ready(self):
        """Waits until the child has prepared itself, which is not the program's time, or is gone."""
        return os.read(self.ready, 1) == b"r"

    def run(self, limits, control):
        """Lets the child run to its end; returns how it ended."""
        clock = cpu_clock(self.pid)
        cpu_start = time.clock_gettime_ns(clock)
        start = time.monotonic_ns()
        os.write(self.go, b"g")
        os.close(self.go)
        self.go = None
        cut = None
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        poll.register(control, select.POLLIN)
        while True:
            wall = limits["wall_ns"] - (time.monotonic_ns() - start)
            cpu = limits["cpu_ns"] - (time.clock_gettime_ns(clock) - cpu_start)
            if wall <= 0 or cpu <= 0:
                cut = "cpu" if cpu <= 0 else "wall"
                break
            # With threads, CPU time passes faster than time.
            wait = min(wall, cpu // limits["cores"])
            ready = [descriptor for descriptor, _ in poll.poll(wait / 1e6 + 1)]
            if self.pidfd in ready:
                break
            if control.fileno() in ready:
                if not control.recv(65536):
                    raise Lost()
                cut = "asked"
                break
        status, usage = self.end()
        cpu_ns = int((usage.ru_utime + usage.ru_stime) * 1e9) - cpu_start
        return {
            "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
            "cut": cut,
            "cpu_ns": max(cpu_ns, 0),
            "wall_ns": time.monotonic_ns() - start,
            "memory_bytes": usage.ru_maxrss * 1024,
        }

    def end(self):
        """Kills the child if it lives; returns its status and what it used."""
        if not self.is_gone():
            os.kill(self.pid, signal.SIGKILL)
        _, status, usage = os.wait4(self.pid, 0)
        os.close(self.pidfd)
        os.close(self.ready)
        if self.go is not None:
            os.close(self.go)
        return status, usage


def wipe(folder, kept):
    """Empties a folder, however deep or locked what lies in it is."""
    fresh = 0
    while True:
        names = [name for name in os.listdir(folder) if name not in kept]
        if not names:
            return
        for name in names:
            path = os.path.join(folder, name)
            try:
                os.unlink(path)
                continue
            except IsADirectoryError:
                pass
            os.chmod(path, 0o700)
            # Folders inside move up, so that no path grows long.
            for inner in os.listdir(path):
                inner = os.path.join(path, inner)
                try:
                    os.unlink(inner)
                except IsADirectoryError:
                    os.chmod(inner, 0o700)
                    while os.path.lexists(target := os.path.join(folder, b"wipe-%d" % fresh)):
                        fresh += 1
                    os.rename(inner, target)
            os.rmdir(path)


class Worker:
    def __init__(self, plan, control):
        self.plan = plan
        self.control = control
        self.child = None
        self.scratch = plan["scratch"] and os.fsencode(plan["scratch"])
        self.kept = os.listdir(self.scratch) if self.scratch else []

    def say(self, message):
        self.control.send(json.dumps(message).encode())

    def serve(self):
        """Obeys until the other end is gone."""
        while True:
            message, descriptors, _, _ = socket.recv_fds(self.control, 65536, 3)
            if not message:
                raise Lost()
            word = json.loads(message)
            if word == "prepare":
                self.child = Child(self.plan, descriptors)
            elif word == "kill":
                # It was meant for a child that has ended by itself.
                pass
            else:
                self.run(word["run"])

    def run(self, limits):
        child, self.child = self.child, None
        if not child.is_ready():
            status, _ = child.end()
            raise RuntimeError(
                f"the waiting child ended (wait status {status}); too little memory for the interpreter?"
            )
        ended = child.run(limits, self.control)
        self.clean()
        self.say({"ended": ended})

    def clean(self):
        """Leaves nothing of a run: no process, no file."""
        if self.plan["alone"]:
            try:
                os.kill(-1, signal.SIGKILL)
            except ProcessLookupError:
                pass
        while True:
            try:
                os.waitpid(-1, 0 if self.plan["alone"] else os.WNOHANG)
            except ChildProcessError:
                break
            if not self.plan["alone"]:
                break
        if self.scratch:
            os.chmod(self.scratch, 0o700)
            wipe(self.scratch, self.kept)


def prepare_interpreter():
    """Imports what programs find ready; returns the versions."""
    import mpmath
    import numpy
    import numpy.linalg
    import numpy.random
    import sympy
    import sympy.core.random

    # Work that the first use would do in every child.
    sympy.solve(sympy.Symbol("x") ** 2 - 1)
    sympy.sympify("1/2")
    numpy.linalg.solve([[2.0]], [1.0])
    versions = {module.__name__: module.__version__ for module in (mpmath, numpy, sympy)}
    versions["python"] = sys.version.split()[0]
    random.seed(0)
    gc.collect()
    gc.freeze()
    gc.disable()
    return versions


def main():
    control = socket.socket(fileno=os.dup(0))
    nowhere = os.open(os.devnull, os.O_RDWR)
    # The launcher watches the pipe that was our stdout: it closes when we end.
    alive = os.dup(1)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    prctl(PR_SET_DUMPABLE, 0)
    plan = json.loads(control.recv(1 << 20))
    worker = Worker(plan, control)
    try:
        worker.say({"ready": prepare_interpreter()})
        os.dup2(nowhere, 2)
        worker.serve()
    except (Lost, BrokenPipeError, ConnectionResetError):
        pass
    except BaseException as error:
        worker.say({"failed": f"{type(error).__name__}: {error}"})
    os.close(alive)


main()
