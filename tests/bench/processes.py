"""One server and one client at a time, pinned to cores, and how much of the machine others used meanwhile. For run.py.

Nothing here is read as a figure unless client and server ended as they should.
"""
import contextlib
import os
import pathlib
import re
import resource
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))


class Failed(Exception):
    """A program that did not do its part; says which and what it printed."""


def allow_descriptors():
    """As many sockets as the system lets a program have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def pinned(cores, command):
    """The command on these cores; as it is without any, and where there are not two."""
    return command if not cores or len(CORES) < 2 else ["taskset", "-c", ",".join(map(str, cores)), *command]


def cores_of(count):
    """Cores for a server that wants `count` and for its client, which shares one when there are not enough."""
    return CORES[:count], [CORES[min(count, len(CORES) - 1)]]


def system_seconds():
    """Processor time of the whole machine without interrupts, and what the host took away, since it started."""
    fields = pathlib.Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, _, _, stolen = (int(each) / TICK for each in fields[:8])
    return user + nice + system, stolen


def others_seconds(ours):
    """Processor time of every process but ours; with that of their children that have ended, so that a compiler's is not lost with it.

    Whether time in network interrupts is a process's own hangs on the kernel: here it is, or is not, on both sides of a comparison. ksoftirqd works for whoever sends.
    """
    total = 0
    for folder in os.listdir("/proc"):
        if folder.isdigit() and int(folder) not in ours:
            with contextlib.suppress(OSError):
                name, fields = pathlib.Path(f"/proc/{folder}/stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)
                if "ksoftirqd" not in name:
                    total += sum(map(int, fields.split()[11:15]))
    return total / TICK


def used_by(pid):
    """Processor time of a running process, all threads."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident_kib(pid):
    """Memory that the process alone uses."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return sum(int(size) for size in re.findall(r"^Private_\w+:\s+(\d+) kB", text, re.MULTILINE))


@contextlib.contextmanager
def server(command, cores):
    """Starts a server; gives its process id, port and the seconds until it said where it listens. It is killed at the end."""
    began = time.perf_counter()
    with subprocess.Popen(pinned(cores, command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            took = time.perf_counter() - began
            found = re.search(r"^listening .*:(\d+)$", line.strip())
            if not found:
                process.kill()
                raise Failed(f"{' '.join(command)} did not print where it listens: {line}{process.stderr.read()}")
            yield process.pid, int(found.group(1)), took
        finally:
            process.kill()


class Client:
    """A running client, and what it printed once it has ended. One that lingers does so until its input is closed, which `end` does."""

    def __init__(self, command, cores):
        self.command = command
        self.process = subprocess.Popen(pinned(cores, command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def first_line(self):
        return self.process.stdout.readline()

    def end(self, patience):
        try:
            out, errors = self.process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise Failed(f"{' '.join(self.command)} did not end within {patience:.0f} s") from None
        if self.process.returncode != 0:
            raise Failed(f"{' '.join(self.command)} ended with {self.process.returncode}: {out}{errors}")
        return out


def own_seconds():
    """Processor time of this process, and of those it has started that have ended."""
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


class Watch:
    """Who uses how much of the machine from here on. `pid` is a server that is ours and still runs at the end.

    Others are the processes that can be seen, or what the whole machine did beyond us when that is more, as in a container; and what a host took away.
    """

    def __init__(self, pid=None):
        self.pid = pid
        self.ours = {os.getpid(), pid}
        self.before = self.figures()

    def figures(self):
        system, stolen = system_seconds()
        return {"wall": time.perf_counter(), "own": own_seconds(), "server": used_by(self.pid) if self.pid else 0.0,
                "system": system, "stolen": stolen, "others": others_seconds(self.ours)}

    def usage(self):
        """`disturbed` is the share of one core that others had; processor time in seconds, that of the client with this script's own."""
        try:
            after = self.figures()
        except (FileNotFoundError, IndexError):
            raise Failed("the server ended while it was measured") from None
        took = {name: after[name] - self.before[name] for name in after}
        foreign = max(took["others"], took["system"] - took["own"] - took["server"], 0.0) + took["stolen"]
        return {"disturbed": round(foreign / took["wall"], 3), "seconds": round(took["wall"], 3), "server_cpu": round(took["server"], 3), "client_cpu": round(took["own"], 3)}
