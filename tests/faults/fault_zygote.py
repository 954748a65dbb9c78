"""Real processes that start in milliseconds: a process that has imported all forks one for each job.

`Zygote` is the handle in the test; run as a script, this file is the process itself. A job is a function of
`fault_jobs` or `fault_model`, called with keyword arguments in the fork, which then leaves at once with its
result in a file.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@dataclass(frozen=True)
class Done:
    """How a job ended: `status` is its exit status, or minus the signal that killed it."""

    status: int
    result: Any
    seconds: float

    @property
    def killed(self) -> bool:
        return self.status == -signal.SIGKILL

    def value(self) -> Any:
        """What the function returned. Fails with its traceback where it raised."""
        assert self.status == 0, f"the job ended with {self.status}:\n{self.result}"
        return self.result


class Job:
    def __init__(self, zygote: Zygote, pid: int, result: Path) -> None:
        self._zygote, self.pid, self._result, self.started = zygote, pid, result, time.monotonic()

    def kill(self) -> None:
        """SIGKILL. The number is still its own: nobody has waited for it yet."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> Done:
        status = self._zygote.ask({"wait": self.pid})["status"]
        seconds = time.monotonic() - self.started
        text = self._result.read_text() if self._result.exists() else "null"
        self._result.unlink(missing_ok=True)
        return Done(status, json.loads(text or "null"), seconds)


class Zygote:
    """Start it once; it ends with `close`, or with the process that started it."""

    def __init__(self) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MEMU_LIKE_")}
        environment |= {"PYTHONPATH": os.pathsep.join([str(ROOT), str(HERE)]), "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "fault_zygote.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        self._results = tempfile.TemporaryDirectory()
        self._number = 0

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def start(self, function: str, **arguments: Any) -> Job:
        self._number += 1
        result = Path(self._results.name) / f"{self._number}.json"
        pid = self.ask({"call": function, "arguments": arguments, "result": str(result)})["pid"]
        return Job(self, pid, result)

    def run(self, function: str, **arguments: Any) -> Any:
        """Call a function in a process of its own and return what it returned."""
        return self.start(function, **arguments).wait().value()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._results.cleanup()


def _serve() -> None:
    jobs = importlib.import_module("fault_jobs")
    models = importlib.import_module("fault_model")
    jobs.warm_up()
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _, status = os.waitpid(request["wait"], 0)
            answer = {"status": os.waitstatus_to_exitcode(status)}
        else:
            pid = os.fork()
            if pid == 0:
                function = getattr(jobs, request["call"], None) or getattr(models, request["call"])
                _work(function, request["arguments"], request["result"])
            answer = {"pid": pid}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _work(function: Any, arguments: dict[str, Any], result: str) -> None:
    handle = os.open(result, os.O_CREAT | os.O_WRONLY, 0o600)
    os.dup2(2, 1)  # nothing but answers may reach the pipe
    status = 0
    try:
        text = json.dumps(function(**arguments))
    except BaseException:  # noqa: BLE001 (the fork reports everything and leaves)
        text, status = json.dumps(traceback.format_exc()), 1
    os.write(handle, text.encode())
    os._exit(status)


if __name__ == "__main__":
    _serve()
