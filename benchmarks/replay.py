"""An OpenAI-compatible server that knows the answers: LoCoMo's own observations, replayed as extraction.

`python benchmarks/replay.py FILE --port 0` serves on this machine alone and prints its address. For a chat
call it finds the session whose turns stand in the prompt, and answers with that session's `observation`
and `event_summary` in the shape that an extraction must have, so that what a run costs, and what memory
makes of good items, can be measured with no model and twice alike. Any other call gets the smallest reply
that fits its schema. `/v1/chat/completions` and `/v1/models` are served, `/stats` tells the totals.

Prompt tokens are those of all messages, of the schema and of the tools, in cl100k_base, and 4 a message.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, Literal, get_args

from memu_like.building import build_tools
from memu_like.chat import ChatReply, ChatRequest
from memu_like.config import Settings
from memu_like.edges.index.reading import embed_rows
from memu_like.edges.loaders.times import at, parse_written
from memu_like.edges.tokens import make_counter
from memu_like.models import Draft, ItemType, Usage
from memu_like.pure.dates import find_dates
from memu_like.pure.slotting import assign_slots

MODEL = "replay"
TOKENS_A_MESSAGE = 4
FIRST_WORDS = 8
"""A turn is looked for by so many of its words."""
TELLING_WORDS = 5
"""A turn of fewer words could stand anywhere, and tells no session."""
TITLE_WORDS = 6
SUMMARY_CHARACTERS = 200

_TURN = re.compile(r"D(\d+):(\d+)")
_WORD = re.compile(r"\w+")
_SHOWN = re.compile(r"^(e\d+) \| shown \| [^|\n]* \| (.+)$", re.MULTILINE)
"""An entry in a reorganisation's prompt."""
_HABIT = re.compile(r"\b(?:usually|often|always|regularly|every|daily|weekly|habit)\b", re.IGNORECASE)
_SKILL = re.compile(r"\b(?:plays?|can|knows? how|learn(?:s|ed|ing)|skill\w*|fluent)\b", re.IGNORECASE)
_PAST = re.compile(r"\b(?:was|were|had|went|got|made|took|met|bought|attended|\w{3,}ed)\b", re.IGNORECASE)


# -- what the file holds


@dataclass(frozen=True)
class Observation:
    """A statement of a session; `lines` are its turns' places in the session, from 1."""

    text: str
    subject: str
    lines: tuple[int, ...]
    slot: str = ""
    type: str = ""
    when: str = ""


@dataclass(frozen=True)
class Session:
    """`turns` holds the first words of each turn."""

    name: str
    said_at: datetime | None
    turns: tuple[str, ...]
    observations: tuple[Observation, ...]
    summary: str


def read_sessions(sample: Mapping[str, Any]) -> Iterator[Session]:
    """The sessions of one LoCoMo conversation that have turns."""
    talk = sample["conversation"]
    for name in sorted((key for key in talk if re.fullmatch(r"session_\d+", key)), key=_number):
        turns = talk[name]
        if turns:
            written = parse_written(talk.get(f"{name}_date_time", ""))
            places = {turn["dia_id"]: line for line, turn in enumerate(turns, start=1)}
            yield Session(
                name,
                at(written, name, UTC) if written else None,
                tuple(_first_words(turn.get("text") or turn.get("blip_caption", "")) for turn in turns),
                tuple(_observations(sample.get("observation", {}).get(f"{name}_observation", {}), places)),
                _summary(sample.get("event_summary", {}).get(f"events_{name}", {})),
            )


def _number(name: str) -> int:
    return int(name.rpartition("_")[2])


def _observations(of_session: Mapping[str, Any], places: Mapping[str, int]) -> Iterator[Observation]:
    for subject, found in of_session.items():
        for text, turns in found:
            ids = [f"D{a}:{int(b)}" for a, b in _TURN.findall(json.dumps(turns))]
            lines = tuple(sorted(places[i] for i in ids if i in places))
            if lines:
                yield Observation(text, subject, lines)


def _summary(events: Mapping[str, Any]) -> str:
    return " ".join(text for told in events.values() if isinstance(told, list) for text in told)


def _words(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.lower()))} "


def _first_words(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.lower())[:FIRST_WORDS])} "


# -- what a prompt is answered with


@dataclass(frozen=True)
class Found:
    """The part of a session that stands in a prompt: its turns `first` to `last`, from 1."""

    session: Session
    first: int
    last: int


class Replay:
    """Answers requests from the conversations of a LoCoMo file (a list of them, or one)."""

    def __init__(self, conversations: Sequence[Mapping[str, Any]] | Mapping[str, Any]) -> None:
        given = [conversations] if isinstance(conversations, Mapping) else conversations
        sessions = [session for sample in given for session in read_sessions(sample)]
        self.sessions = _placed(sessions)

    def find(self, prompt: str) -> Found | None:
        """The session most of whose telling turns stand in the prompt, and the part of it that does."""
        words = _words(prompt)
        best: Found | None = None
        most = 0
        for session in self.sessions:
            lines = [line for line, turn in enumerate(session.turns, 1) if _tells(turn) and turn in words]
            if len(lines) > most:
                most, best = len(lines), Found(session, *_part(session, lines, words))
        return best

    def answer(self, messages: Sequence[Mapping[str, Any]], schema: Mapping[str, Any] | None) -> str:
        """A reply's text: a reorganisation where the schema has operations; an extraction where a session
        stands in the prompt and the schema, if there is one, has items; else the smallest value that fits."""
        prompt = "\n".join(_text_of(message) for message in messages)
        if schema is not None and "operations" in schema.get("properties", {}):
            return _compact(reorganisation(prompt))
        found = self.find(prompt)
        if found and (schema is None or "items" in schema.get("properties", {})):
            return _compact(extraction(found, schema))
        return _compact(smallest(schema, schema)) if schema else "Nothing to add."

    def reply(self, request: ChatRequest) -> ChatReply:
        """The same for a scripted model, in this process."""
        messages = [{"role": one.role, "content": one.content} for one in request.messages]
        schema = dict(request.schema.schema) if request.schema else None
        text = self.answer(messages, schema)
        tools = [tool.parameters for tool in request.tools]
        return ChatReply(text, usage=Usage(1, prompt_tokens(messages, schema, tools), count_tokens(text)))


def extraction(found: Found, schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a model would say of a part: the fields that the schema has, or with none those it most has."""
    items = [
        {
            "text": one.text,
            "type": one.type,
            "subject": one.subject,
            "slot": one.slot,
            "lines": list(one.lines),
            "when": one.when,
        }
        for one in found.session.observations
        if found.first <= one.lines[0] and one.lines[-1] <= found.last
    ]
    summary = found.session.summary
    whole = {"items": items, "title": " ".join(summary.split()[:TITLE_WORDS]), "summary": summary}
    if schema is None:
        return whole
    fields = schema["properties"]["items"]["items"]
    return _shaped({**whole, "items": [_shaped(item, fields, schema) for item in items]}, schema, schema)


def reorganisation(prompt: str) -> dict[str, Any]:
    """What any page may get: of four entries shown the last is hidden, and the first ones sum it up."""
    shown = [match.groups() for match in _SHOWN.finditer(prompt)]
    hidden = [handle for handle, _ in shown[-(len(shown) // 4) :]] if len(shown) >= 4 else []
    operation = {"op": "hide", "entries": hidden, "text": "", "slot": ""}
    summary = " ".join(text for _, text in shown[:2])[:SUMMARY_CHARACTERS]
    return {"operations": [operation] if hidden else [], "summary": summary}


def _shaped(values: Mapping[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    """What the schema has a property for, empty values left out; what else it requires is smallest."""
    required = schema.get("required", ())
    shaped = {}
    for name, of_field in schema["properties"].items():
        if values.get(name):
            shaped[name] = values[name]
        elif name in required:
            shaped[name] = values[name] if name in values else smallest(of_field, root)
    return shaped


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _tells(turn: str) -> bool:
    return turn.count(" ") > TELLING_WORDS


def _part(session: Session, lines: Sequence[int], words: str) -> tuple[int, int]:
    """The part that stands in a prompt, short turns before the first and after the last telling one too."""
    first, last = lines[0], lines[-1]
    while first > 1 and not _tells(session.turns[first - 2]) and session.turns[first - 2] in words:
        first -= 1
    while last < len(session.turns) and not _tells(session.turns[last]) and session.turns[last] in words:
        last += 1
    return first, last


def _placed(sessions: Sequence[Session]) -> tuple[Session, ...]:
    """With a slot for each observation, as the shipped table and embedder place it, its type and its date."""
    tools = build_tools(Settings())
    drafts = [
        Draft(one.text, one.subject, _type(one.text, session.said_at), one.lines[0])
        for session in sessions
        for one in session.observations
    ]
    vectors = embed_rows([draft.text for draft in drafts], tools.words)
    placed = iter(assign_slots(drafts, vectors, tools.slot_table()))
    return tuple(
        replace(
            session,
            observations=tuple(_with_slot(one, next(placed), session) for one in session.observations),
        )
        for session in sessions
    )


def _with_slot(one: Observation, draft: Draft, session: Session) -> Observation:
    dates = find_dates(one.text, session.said_at) if session.said_at else ()
    when = dates[0].text if dates else ""
    return replace(one, slot=f"{draft.topic}/{draft.slot}", type=str(draft.type), when=when)


def _type(text: str, said_at: datetime | None) -> ItemType:
    if _HABIT.search(text):
        return ItemType.BEHAVIOR
    if _SKILL.search(text):
        return ItemType.SKILL
    dated = said_at is not None and bool(find_dates(text, said_at))
    return ItemType.EVENT if dated or _PAST.search(text) else ItemType.PROFILE


def _text_of(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


def smallest(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    """The smallest value that a JSON schema allows, as far as schemas are simple."""
    if "$ref" in schema:
        return smallest(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "enum" in schema or "const" in schema:
        return schema.get("const", (schema.get("enum") or [None])[0])
    if "anyOf" in schema:
        return smallest(schema["anyOf"][-1], root)
    kind = schema.get("type", "object")
    kind = kind[-1] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: smallest(schema["properties"][name], root) for name in schema.get("required", ())}
    if kind == "array":
        return [smallest(schema["items"], root) for _ in range(schema.get("minItems", 0))]
    simple = {"boolean": True, "null": None, "string": "x" * schema.get("minLength", 0)}
    return simple[kind] if kind in simple else schema.get("minimum", 0)


# -- counting


def count_tokens(text: str) -> int:
    return make_counter("cl100k_base").count(text)


def prompt_tokens(
    messages: Sequence[Mapping[str, Any]], schema: Mapping[str, Any] | None, tools: Sequence[Any] = ()
) -> int:
    parts = [_text_of(message) for message in messages]
    parts += [json.dumps(value) for value in (schema, *tools) if value]
    return sum(map(count_tokens, parts)) + TOKENS_A_MESSAGE * len(messages)


@dataclass
class Count:
    """Calls and their tokens; a call that fails in the way of a server has no completion."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def add(self, asked: int, replied: int) -> None:
        self.calls += 1
        self.prompt_tokens += asked
        self.completion_tokens += replied


@dataclass
class Totals:
    """What was asked, in all and by the name of the schema that a call gave ("text" where it gave none)."""

    all: Count = field(default_factory=Count)
    by_schema: dict[str, Count] = field(default_factory=dict)
    failed: int = 0

    def add(self, name: str, asked: int, replied: int, failed: bool) -> None:
        self.all.add(asked, replied)
        self.by_schema.setdefault(name, Count()).add(asked, replied)
        self.failed += failed


# -- serving

FailureKind = Literal["malformed", "cut", "empty", "500", "429", "slow"]
Answer = tuple[int, dict[str, Any]]


@dataclass
class ReplayServer:
    """Serves a Replay on a thread of its own while it is entered. `url` ends in /v1.

    Every `fail_every`th chat call (0: none) fails in the way of `failure`; "slow" waits `seconds` first.
    """

    replay: Replay
    port: int = 0
    fail_every: int = 0
    failure: FailureKind = "malformed"
    seconds: float = 0.0
    totals: Totals = field(default_factory=Totals)
    _came_in: int = 0
    _lock: Lock = field(default_factory=Lock)

    def __enter__(self) -> ReplayServer:
        self._http = _Http(("127.0.0.1", self.port), _Handler)
        self._http.owner = self
        self._thread = Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def get(self, path: str) -> Answer:
        if path.endswith("/models"):
            return 200, {"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "replay"}]}
        if path == "/stats":
            return 200, asdict(self.totals)
        return 404, {"error": {"message": f"nothing is served at {path}"}}

    def chat(self, body: Mapping[str, Any]) -> Answer:
        form = body.get("response_format") or {"type": "text"}
        schema = form.get("json_schema", {}).get("schema")
        asked = prompt_tokens(body["messages"], schema, body.get("tools") or ())
        fails = self._next_fails()
        if fails and self.failure == "slow":
            time.sleep(self.seconds)
        refused = fails and self.failure in ("500", "429")
        text = "" if refused else self.replay.answer(body["messages"], schema)
        text = _spoilt(text, self.failure) if fails else text
        with self._lock:
            name = form.get("json_schema", {}).get("name", form["type"])
            self.totals.add(name, asked, count_tokens(text), fails)
        if refused:
            return int(self.failure), {"error": {"message": "out of order, for a test"}}
        return 200, _completion(text, asked, cut=fails and self.failure == "cut")

    def _next_fails(self) -> bool:
        with self._lock:
            self._came_in += 1
            return bool(self.fail_every) and self._came_in % self.fail_every == 0


def _spoilt(text: str, failure: FailureKind) -> str:
    if failure == "malformed":
        return "I am sorry, here is what I found:\n- " + text[:40].replace('"', "")
    return {"cut": text[: len(text) // 2], "empty": ""}.get(failure, text)


def _completion(text: str, asked: int, *, cut: bool) -> dict[str, Any]:
    replied = count_tokens(text)
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": "length" if cut else "stop",
    }
    usage = {"prompt_tokens": asked, "completion_tokens": replied, "total_tokens": asked + replied}
    return {
        "id": "replay",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": MODEL,
        "choices": [choice],
        "usage": usage,
    }


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    owner: ReplayServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news; anything else is."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def do_GET(self) -> None:
        self._send(*self.server.owner.get(self.path))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path != "/v1/chat/completions":
            self._send(404, {"error": {"message": f"nothing is served at {self.path}"}})
        else:
            self._send(*self.server.owner.chat(body))

    def _send(self, status: int, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("retry-after-ms", "5")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the totals are at /stats."""


def read_replay(path: Path) -> Replay:
    return Replay(json.loads(path.read_text("utf-8")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="a LoCoMo file, or one in its shape")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--fail-every", type=int, default=0, metavar="N", help="every Nth chat call fails")
    parser.add_argument("--failure", default="malformed", choices=get_args(FailureKind))
    parser.add_argument("--seconds", type=float, default=5.0, help="how long a slow call takes")
    options = parser.parse_args()
    replay = read_replay(options.data)
    with ReplayServer(replay, options.port, options.fail_every, options.failure, options.seconds) as server:
        print(server.url, flush=True)
        with suppress(KeyboardInterrupt):
            Event().wait()


if __name__ == "__main__":
    main()
