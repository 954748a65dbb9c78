from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.pure.secrets import find_secrets, has_secret, mask_secrets

# Joined from halves so that no scanner takes this file for a leak.
SECRETS = [
    ("api key", "sk-" + "ant-api03-AbCdEfGhIjKlMnOpQr"),
    ("api key", "sk-" + "AbCdEfGhIjKlMnOpQrStUvWx"),
    ("api key", "ghp" + "_abcdefghijklmnopqrstuvwxyz0123456789"),
    ("api key", "github" + "_pat_11ABCDEFG0abcdefghijkl"),
    ("api key", "AKIA" + "IOSFODNN7EXAMPLE"),
    ("api key", "AIza" + "SyA1234567890abcdefghijklmnopqrstuv"),
    ("api key", "xoxb" + "-123456789012-abcdefABCDEF"),
    ("api key", "glpat" + "-ABCDEFGHIJ1234567890"),
    ("api key", "hf" + "_abcdefghijklmnopqrstuvwxyzABCDEFGH"),
    ("api key", "npm" + "_abcdefghijklmnopqrstuvwxyzABCDEFGH12"),
    ("api key", "sk" + "_live_4eC39HqLyjWDarjtT1zdp7dc"),
    ("token", "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVm"),
    (
        "private key",
        "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----",
    ),
    ("card number", "4111 1111 1111 1111"),
    ("card number", "5500-0000-0000-0004"),
    ("card number", "378282246310005"),
    ("iban", "DE89 3704 0044 0532 0130 00"),
    ("iban", "GB82WEST12345698765432"),
]
STATED = [
    ("Authorization: Bearer abcdef1234567890XYZ", "abcdef1234567890XYZ", "token"),
    ("api_key=9f8a7b6c5d4e3f2a1b", "9f8a7b6c5d4e3f2a1b", "token"),
    ('"client_secret": "q8W7e6R5t4Y3u2I1"', "q8W7e6R5t4Y3u2I1", "token"),
    ("my password is hunter2", "hunter2", "password"),
    ("The wifi password is 'blue monkey 7'", "'blue monkey 7'", "password"),
    ("my Netflix password for the kids is Tiger!22", "Tiger!22", "password"),
    ("password: s3cret!", "s3cret!", "password"),
    ("PWD=letmein99", "letmein99", "password"),
    ("我的密码是abc123", "abc123", "password"),
    ("密码：qwerty!9", "qwerty!9", "password"),
    ("My PIN is 4821", "4821", "pin"),
    ("the pin code for the gate is 998877", "998877", "pin"),
    ("my SSN is 123-45-6789", "123-45-6789", "social security number"),
    ("My social security number: 123 45 6789", "123 45 6789", "social security number"),
    ("postgres://ana:pw123@db.example/x", "pw123", "password"),
]
HARMLESS = [
    "I forgot my password again",
    "my password is wrong",
    "The password was stolen",
    "Is my password safe?",
    "I need a new passport",
    "my passport is red",
    "call me at +1 415 555 2671 tomorrow",
    "Tel. 0049 30 1234567890",
    "order 1234567890123456",
    "order number 4111 1111 1111 1112",
    "tracking 94001118992231234567890",
    "created at 1683554160000",
    "commit 3f786850e387550fdab836ed7e6dc881de23001b",
    "id 123e4567-e89b-12d3-a456-426614174000",
    "the token was a nice gesture",
    "The secret: practice every day",
    "the key is to stay calm",
    "She's a key person; my token of thanks",
    "a task-oriented-and-well-organised-person",
    "I pinned the note; pin it at 12",
    "https://example.com/a:b@c",
    "see http://example.com:8080/path",
    "Bearer of good news arrived",
    "sk-learn is a library",
    "The 2023-05-08 10:00 meeting, room 1204",
    "0000 0000 0000 0000",
    "",
    "密码忘了",
]


@pytest.mark.parametrize(("kind", "secret"), SECRETS)
def test_secret_is_masked_by_its_shape(kind: str, secret: str) -> None:
    assert mask_secrets(f"Here: {secret} ok?") == (f"Here: [secret: {kind}] ok?", (kind,))
    assert has_secret(f"这个{secret}，谢谢") or kind in {"iban", "card number"}


@pytest.mark.parametrize(("text", "secret", "kind"), STATED)
def test_stated_secret_is_masked_and_its_sentence_stays(text: str, secret: str, kind: str) -> None:
    assert mask_secrets(text) == (text.replace(secret, f"[secret: {kind}]"), (kind,))


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_chat_holds_no_secret(text: str) -> None:
    assert mask_secrets(text) == (text, ())


def test_card_inside_a_longer_run_of_digits_is_no_card() -> None:
    assert not has_secret("99" + "4111111111111111" + "99")


def test_several_secrets_are_masked_in_order() -> None:
    text = "my password is hunter2 and my PIN is 4821"
    assert mask_secrets(text)[1] == ("password", "pin")


@given(st.text())
def test_any_text_is_handled_and_masking_is_stable(text: str) -> None:
    masked, kinds = mask_secrets(text)
    assert (masked == text) == (not kinds)
    assert has_secret(text) == bool(kinds)


@given(st.text(max_size=40), st.sampled_from(SECRETS), st.text(max_size=40))
def test_found_secrets_do_not_overlap(before: str, secret: tuple[str, str], after: str) -> None:
    position = 0
    for start, end, _ in find_secrets(f"{before} {secret[1]} {after}"):
        assert position <= start < end
        position = end


@pytest.mark.parametrize(
    "piece",
    ["1 ", "4", "a-", "sk-", "eyJ", "eyJaaaaaaaa.", "password is ", "password ", "pin ", "token: ", "http://a:",
     "AB12 ", "-----BEGIN PRIVATE KEY-----", "4111111111111111 ", "bearer ", "ssn ", "a+", "://"],
)  # fmt: skip
def test_a_hostile_megabyte_is_read_in_linear_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    began = time.perf_counter()
    has_secret(text)
    assert time.perf_counter() - began < 30
