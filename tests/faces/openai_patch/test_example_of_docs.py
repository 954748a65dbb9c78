"""The page's examples, run as they stand there, and the prompt that it shows."""

from __future__ import annotations

import ast
import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from edges.llm.chat_server import ChatServer, completion, response_events
from remembering import saved

PAGE = Path(__file__).parent.parent.parent.parent / "docs" / "openai.md"
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
PYTHON = [code for language, code in BLOCKS if language == "python"]


@pytest.fixture
def store(tmp_path: Path, model: ChatServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the examples' store is; the SDK's own variables lead to the server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", model.url)
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    return tmp_path / "memory_store"


def test_the_first_example_remembers(
    model: ChatServer, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.answers = [completion("A good name!"), completion("Oscar.")]
    names: dict[str, Any] = {}
    exec(PYTHON[0], names)
    names["client"].close_memory()
    names["client"].close()
    out = capsys.readouterr().out
    assert out.startswith("A good name!\nOscar.\n")
    assert "ProfileSlot(" in out
    shown = next(code for language, code in BLOCKS if not language and code.startswith("Remembered data"))
    sent = model.requests[1]["messages"][0]["content"]
    assert _without_numbers(f"{sent}\n") == _without_numbers(shown)


def _without_numbers(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\d|\d{6}", "N", text)


def test_the_example_with_asyncio_saves_what_was_streamed(
    model: ChatServer, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.answers = [response_events("I do not ", "know yet.")]
    *_, last = ast.parse(PYTHON[1]).body
    assert ast.unparse(last) == "asyncio.run(main())"
    exec(PYTHON[1], {})
    assert capsys.readouterr().out == "I do not know yet."
    assert [message["content"] for message in saved(store, "caroline")][1:] == ["I do not know yet."]
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
