"""The file in which an evaluation keeps what it has done: one JSON object a line, appended durably.

Each line carries the hash of the configuration that it belongs to, so that a run goes on with its own lines
and never with those of another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import CorruptFile
from . import files


class RunFile:
    def __init__(self, path: Path, config: str) -> None:
        self.path = path
        self.config = config

    def exists(self) -> bool:
        return self.path.exists()

    def records(self) -> Iterator[Mapping[str, Any]]:
        """The whole lines of this configuration, in order. Raises CorruptFile."""
        if not self.path.exists():
            return
        data = files.read_bytes(self.path.parent, self.path)
        whole = data[: data.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                record = json.loads(line)
            except ValueError as error:
                raise CorruptFile(self.path, number, f"not JSON: {error}") from error
            if not isinstance(record, dict):
                raise CorruptFile(self.path, number, "not a JSON object")
            if record.get("config") == self.config:
                yield record

    def mend(self) -> None:
        """Cut off a last line that a killed run left half written."""
        if self.path.exists():
            files.cut_torn_tail(self.path.parent, self.path)

    def append(self, kind: str, values: Mapping[str, Any]) -> None:
        line = json.dumps({"config": self.config, "kind": kind, **values}, ensure_ascii=False)
        files.append(self.path.parent, self.path, line.encode("utf-8", "replace") + b"\n")


def write_result(path: Path, values: Mapping[str, Any]) -> None:
    """The results as one JSON document, in place of what stood there."""
    text = json.dumps(values, ensure_ascii=False, indent=1)
    files.make_folder(path.parent, path.parent)
    files.write_atomic(path.parent, path, text.encode("utf-8", "replace") + b"\n")
