"""The real programs in a folder of their own, for the tests of what deploys them.

HOOKE_BIN_DIR and HOOKE_SOURCE_DIR name the programs and the checkout; ctest sets them."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

BIN = pathlib.Path(os.environ["HOOKE_BIN_DIR"])
SOURCE = pathlib.Path(os.environ["HOOKE_SOURCE_DIR"])
PATIENCE_S = 30


def eventually(condition, what, timeout_s=PATIENCE_S):
    """Waits until condition() is true, and returns that value."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen within {timeout_s} s")
        time.sleep(0.05)


class House:
    """A server's data in a temporary folder; ends what it started."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hooke-deploy-"))
        self.data = self.folder / "data"
        self.ports = [0, 0]
        self.processes = []

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder)

    def environment(self, **more):
        # What a sanitizer goes by, where the programs have one.
        options = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
        return options | {
            "PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(self.folder), "NO_COLOR": "1", "LC_ALL": "C.UTF-8",
            "XDG_STATE_HOME": str(self.folder / "state"), "HOOKE_SERVER": f"127.0.0.1:{self.ports[0]}",
            "HOOKE_TOKEN_FILE": str(self.data / "token"), **more}

    def start(self, *command, log, **environment):
        with open(self.folder / log, "a") as out:
            process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=out,
                                       env=self.environment(**environment))
        self.processes.append(process)
        return process

    def start_server(self, *options, under=(), **environment):
        """Starts hooked, again on the ports that it had, and waits until both answer. `under`: a command that starts it."""
        ports = self.folder / "ports"
        ports.unlink(missing_ok=True)
        self.server = self.start(
            *under, BIN / "hooked", "--data", self.data, "--port-file", ports, "--listen", f"127.0.0.1:{self.ports[0]}",
            "--http", f"127.0.0.1:{self.ports[1]}", *options, log="hooked.log", **environment)
        eventually(lambda: ports.exists() or self.server.poll() is not None, "hooked's start")
        if self.server.poll() is not None:
            raise AssertionError(f"hooked ended:\n{self.text('hooked.log')}")
        self.ports = [int(line) for line in ports.read_text().split()]

    def stop_server(self):
        self.server.send_signal(signal.SIGTERM)
        assert self.server.wait(PATIENCE_S) == 0, self.text("hooked.log")

    def text(self, name):
        return (self.folder / name).read_text()

    def run(self, *command, **environment):
        """Runs a command to its end; the result has returncode, stdout, stderr."""
        return subprocess.run([str(part) for part in command], capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
                              env=self.environment(**environment), timeout=120)

    def hooke(self, *arguments):
        result = self.run(BIN / "hooke", *arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def metrics(self):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports[1]}/metrics",
            headers={"Authorization": f"Bearer {(self.data / 'token').read_text().strip()}"})
        with urllib.request.urlopen(request) as answer:
            return answer.read().decode()
