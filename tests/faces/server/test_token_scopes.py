"""Tokens: where they come from, what they open, and what is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from memu_like import ConfigError
from memu_like.faces.server.tokens import digest_of, read_tokens


def test_they_come_from_the_command_line_the_environment_and_a_file(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    hashed = hashlib.sha256(b"four").hexdigest()
    file.write_text(f"# a note\n\nthree caroline smith\nsha256:{hashed}\n")
    found = read_tokens(["one"], "two,two-b  ", file)
    assert [(grant.digest, grant.user) for grant in found] == [
        (digest_of("one"), None),
        (digest_of("two"), None),
        (digest_of("two-b"), None),
        (digest_of("three"), "caroline smith"),
        (digest_of("four"), None),
    ]


def test_there_may_be_none() -> None:
    assert read_tokens() == () == read_tokens([], "")


@pytest.mark.parametrize("token", ["", "two words", "d\u00e9j\u00e0", "tab\tbed", "x" * 513, "sha256:abc"])
def test_what_is_no_token_is_refused_and_not_quoted(token: str) -> None:
    with pytest.raises(ConfigError, match="--token 1: not a token") as error:
        read_tokens([token])
    assert not token or token not in str(error.value)


def test_a_token_that_opens_two_things_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("hush caroline\n")
    with pytest.raises(ConfigError, match="tokens:1: the same token") as error:
        read_tokens(["hush"], None, file)
    assert "hush" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\xff\xfe", b"x" * 2_000_000])
def test_a_file_that_is_none_of_tokens_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="tokens"):
        read_tokens(file=file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the tokens"):
        read_tokens(file=tmp_path / "none")


def test_a_name_of_a_token_tells_its_place_and_not_the_token(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("hush\n")
    assert [grant.name for grant in read_tokens(["one"], "two", file)] == [
        "--token 1",
        "MEMU_LIKE_TOKEN 1",
        "tokens:1",
    ]
    assert "hush" not in repr(read_tokens(file=file))
