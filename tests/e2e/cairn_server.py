"""A real `cairn up` for the end-to-end tests and figures: started on a free port, stopped at the end."""
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def default_program():
    return os.environ.get("CAIRN", os.path.join(REPOSITORY, "build/release/deploy/cli/cairn"))


def model_file(name="SmolLM2-135M-Instruct.Q4_1.gguf"):
    """Path of a model, or None: the caller says by name what it skips."""
    for folder in (os.environ.get("CAIRN_TEST_MODELS"), os.path.join(REPOSITORY, "models")):
        if folder and os.path.exists(os.path.join(folder, name)):
            return os.path.join(folder, name)
    return None


class CairnServer:
    def __init__(self, model, *flags, program=None, ready_seconds=60, environment=None):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.grpc_port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            [program or default_program(), "up", "--model", model, "--port", str(self.port), "--grpc-port",
             str(self.grpc_port), *flags],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=dict(os.environ, **(environment or {})))
        self.ready_after = self._await_ready(ready_seconds)

    def _await_ready(self, seconds):
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"cairn up ended with {self.process.returncode}:\n{self.process.stdout.read()}")
            try:
                with urllib.request.urlopen(self.url + "/readyz", timeout=1):
                    return time.perf_counter() - self.started
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.02)
        self.stop()
        raise RuntimeError("cairn up was not ready in time")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, sign=signal.SIGTERM, seconds=20):
        """Ends the server and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(sign)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError("cairn up did not stop in time")

    def post(self, path, body, timeout=300):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(),
                                         {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as reply:
                return reply.status, json.loads(reply.read()), dict(reply.headers)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read()), dict(error.headers)

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as reply:
            return reply.read().decode()

    def metric(self, name):
        """Sum of a metric over its labels; None if it is not there."""
        values = [float(line.rsplit(" ", 1)[1]) for line in self.get("/metrics").splitlines()
                  if line.startswith(name) and line[len(name):len(name) + 1] in ("{", " ")]
        return sum(values) if values else None

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
