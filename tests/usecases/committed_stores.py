"""Stores in repositories of Pat's, and what git says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from repositories import git

from memu_like.config import Settings
from memu_like.service import MemoryService

MACHINE = "memu-like <memu-like@localhost>"
PAT = "Pat <pat@example.org>"


def opened(store: Path, **settings: Any) -> MemoryService:
    return MemoryService(Settings(store=store, **{"embedder": "none", **settings}))


def said(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text, "created_at": "2023-05-08T13:56:00+00:00"}]


def log(store: Path, form: str = "%s") -> list[str]:
    """Newest first."""
    return git(store, "log", f"--format={form}").splitlines()


def trailers(store: Path, name: str, commit: str = "HEAD") -> list[str]:
    form = f"%(trailers:key={name},valueonly)"
    return git(store, "log", "-1", f"--format={form}", commit).splitlines()


def status(store: Path) -> str:
    return git(store, "status", "--porcelain")


def category(store: Path, user: str = "caroline") -> Path:
    return min((store / user / "categories").glob("*.md"))
