"""Counting tokens: the shipped ranks are tiktoken's, nothing goes over the network, hostile text is quick."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.edges import tokens
from memu_like.edges.tokens import DATA, SHIPPED, SOURCE_SHA256, TokenCounter, make_counter
from memu_like.errors import ConfigError


@pytest.fixture(scope="module", params=SHIPPED)
def counter(request: pytest.FixtureRequest) -> TokenCounter:
    return make_counter(request.param)


@pytest.fixture(scope="module")
def cl100k() -> TokenCounter:
    return make_counter("cl100k_base")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_ranks_are_those_that_tiktoken_expects(name: str) -> None:
    ranks = tokens.unpack_ranks((DATA / f"{name}.bin").read_bytes())
    digest = hashlib.sha256()
    for token, rank in ranks.items():
        digest.update(b"%s %d\n" % (b64encode(token), rank))
    assert digest.hexdigest() == SOURCE_SHA256[name]
    assert "MIT License" in (DATA / "LICENSE").read_text(encoding="utf-8")


# From the OpenAI cookbook, "How to count tokens with tiktoken".
KNOWN = [
    ("cl100k_base", "antidisestablishmentarianism", 6),
    ("cl100k_base", "2 + 2 = 4", 7),
    ("cl100k_base", "お誕生日おめでとう", 9),
    ("cl100k_base", "tiktoken is great!", 6),
    ("o200k_base", "antidisestablishmentarianism", 6),
    ("o200k_base", "2 + 2 = 4", 7),
    ("o200k_base", "お誕生日おめでとう", 8),
    ("cl100k_base", "", 0),
]


@pytest.mark.parametrize(("name", "text", "expected"), KNOWN)
def test_known_counts(name: str, text: str, expected: int) -> None:
    assert make_counter(name).count(text) == expected


def test_special_tokens_are_ordinary_text(cl100k: TokenCounter) -> None:
    assert cl100k.count("<|endoftext|>") == 7
    assert cl100k.truncate("<|endoftext|>", 7) == "<|endoftext|>"


def test_encodings_that_differ_in_special_tokens_only_count_alike() -> None:
    text = "The guinea pig is called Oscar. 他叫奥斯卡。"
    assert make_counter("o200k_harmony").count(text) == make_counter("o200k_base").count(text)
    assert make_counter("o200k_harmony").name == "o200k_harmony"


@given(text=st.text(max_size=80) | st.text("ab é的\n👩\u200d🚀'.", max_size=80), limit=st.integers(-1, 30))
def test_truncate_gives_a_start_within_the_limit(counter: TokenCounter, text: str, limit: int) -> None:
    start = counter.truncate(text, limit)
    assert text.startswith(start)
    assert counter.count(start) <= max(limit, 0)
    if counter.count(text) <= limit:
        assert start == text


def test_truncate_keeps_as_much_as_fits(cl100k: TokenCounter) -> None:
    text = "She has a guinea pig named Oscar. " * 1000
    assert cl100k.count(cl100k.truncate(text, 500)) == 500
    assert cl100k.truncate("👩👩👩", 4) == "👩"


def test_lone_surrogates_count(counter: TokenCounter) -> None:
    assert counter.count("a\ud800b") > 0
    assert "a\ud800b".startswith(counter.truncate("a\ud800b", 2))


@pytest.mark.parametrize(
    "character", ["a", "A", " ", "\n", ".", "的", "é\u0301", "e\u0301", "0", "\t ", "🙂"]
)
def test_a_very_long_run_is_counted_quickly(counter: TokenCounter, character: str) -> None:
    text = character * 150_000
    started = time.perf_counter()
    total = counter.count(text)
    assert time.perf_counter() - started < 30
    one = counter.count(character * 2_000)
    assert total == pytest.approx(one * 75, rel=0.1)
    assert counter.count(counter.truncate(text, 100)) <= 100


def test_long_prose_is_counted_exactly(counter: TokenCounter) -> None:
    """Cutting touches only runs: in prose nothing is cut, with spaces or without."""
    for prose in ("We went to the lake, and it rained.\n\n" * 500, "我们去了湖边，下雨了。" * 500):
        assert list(tokens._parts(prose)) == [prose]
    run = "word " + "x" * 3000 + " word"
    assert "".join(tokens._parts(run)) == run
    assert max(map(len, tokens._parts(run))) < 2000


def test_looking_for_runs_takes_linear_time() -> None:
    text = (("x" * 1024 + " ") * 1000 + (" " * 1023 + "x") * 1000) * 2
    started = time.perf_counter()
    assert list(tokens._parts(text))
    assert time.perf_counter() - started < 30


def test_unknown_encoding_names_those_that_are_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    with pytest.raises(ConfigError, match=r"'r50k_base'.*cl100k_base, o200k_base, o200k_harmony$"):
        make_counter("r50k_base")
    with pytest.raises(ConfigError, match=r"'\.\./x'"):
        make_counter("../x")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    with pytest.raises(ConfigError):
        make_counter("p50k_base")


def test_a_wrong_file_in_the_cache_of_tiktoken_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    # tiktoken's own name for p50k_base.tiktoken.
    (tmp_path / "ec7223a39ce59f226a68acc30dc1af2788490e15").write_bytes(b"IQ== 0\n")
    with pytest.raises(ConfigError, match="sha256 is not the one tiktoken expects"):
        make_counter("p50k_base").count("text")


@pytest.mark.parametrize("damage", [b"", b"\x00" * 50, None])
def test_a_broken_shipped_file_says_to_reinstall(tmp_path: Path, damage: bytes | None) -> None:
    path = tmp_path / "cl100k_base.bin"
    shutil.copy(DATA / "cl100k_base.bin", path)
    path.write_bytes(path.read_bytes()[:-1] if damage is None else damage)
    with pytest.raises(ConfigError, match="reinstall memu-like"):
        TokenCounter("cl100k_base", path).count("text")


NO_NETWORK = """
import socket, sys
def refuse(*arguments, **options):
    raise SystemExit("a socket was opened")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from memu_like.edges.tokens import make_counter
assert "tiktoken" not in sys.modules
assert make_counter("cl100k_base").count("tiktoken is great!") == 6
print("counted")
"""


def test_no_socket_is_used_and_tiktoken_is_loaded_late(tmp_path: Path) -> None:
    environment = {"TIKTOKEN_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(Path(tokens.__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", NO_NETWORK], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == "counted\n", done.stderr
    assert not list(tmp_path.iterdir())


def test_threads_share_one_encoding() -> None:
    tokens._load.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: make_counter("cl100k_base").count("tiktoken is great!"), range(32)))
    assert counts == [6] * 32
    assert tokens._load.cache_info().misses == 1
