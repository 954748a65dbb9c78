"""People, the service and git at one memory folder, in any order: a machine of rules for Hypothesis.

Each rule is one thing that a person, the service, a crash or git does. After every one the eight invariants
are checked. Numbers that the rules draw pick places, so that Hypothesis can make a failing story smaller.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

from fault_jobs import USER, message
from fault_model import RuleModel, session
from fault_zygote import Zygote
from fuzz_hands import BETWEEN, BULLETS, HEADINGS, HOSTILE, NEW_BULLETS, PLAIN, WHOLE, id_of, lines_of
from fuzz_world import Place, git, service_at
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from invariants import Memory, ids_in

PICK = st.integers(0, 10_000)
WHICH = st.integers(0, 1)
CONSONANTS, VOWELS = "bdfgklmnprstvz", "aeiou"
MOST_ACTS = 45
"""Acts on the disk of the work that is killed, about."""


def word(number: int) -> str:
    """A word of letters that no message holds."""
    syllables = []
    for _ in range(3):
        number, rest = divmod(number, len(CONSONANTS) * len(VOWELS))
        syllables.append(CONSONANTS[rest // len(VOWELS)] + VOWELS[rest % len(VOWELS)])
    return "qu" + "".join(syllables)


class People(RuleBasedStateMachine):
    """The machine; `counts` are the steps that did something, over all examples."""

    zygote: ClassVar[Zygote]
    counts: ClassVar[Counter[str]] = Counter()
    most_merges: ClassVar[int] = 2
    """Of a story: a clone with a service of its own takes as long as twenty other steps."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = Path(tempfile.mkdtemp(prefix="fuzz-"))
        self.runner = asyncio.Runner()
        self.messages = self.words = self.sessions = self.merges = 0
        self.batches: list[list[dict[str, str]]] = []
        self.places: list[Place] = []

    @initialize()
    def begin(self) -> None:
        store = self.scratch / "here"
        self.places.append(Place(store, self.runner, self.model(), Memory()))
        self.runner.run(self.places[0].service.init())
        git(store, "init", "-q", "-b", "main")
        self._memorize(self.places[0], self._conversation(6))
        self._commit(self.places[0])
        self.ended("begin", self.places[0])

    def model(self) -> RuleModel | None:
        return None

    def teardown(self) -> None:
        try:
            for place in self.places:
                self._settle(place)
                place.check(deep=True)
                self._nothing_left(place)
        finally:
            for place in self.places:
                place.close()
            self.runner.close()
            shutil.rmtree(self.scratch, ignore_errors=True)

    # -- what the rules are made of

    def place(self, which: int) -> Place:
        return self.places[which % len(self.places)]

    def word(self) -> str:
        self.words += 1
        return word(self.words)

    def ended(self, name: str, place: Place) -> None:
        """After every step that did something."""
        People.counts[name] += 1
        place.steps += 1
        place.check()

    def _conversation(self, count: int) -> list[dict[str, str]]:
        first = self.messages
        self.messages += count
        batch = [message(number) for number in range(first, first + count)]
        self.batches.append(batch)
        return batch

    def _memorize(self, place: Place, batch: list[dict[str, str]]) -> None:
        known = set(place.memory.acknowledged)
        if place.machine(lambda: place.user.memorize(batch), runs=True) is not None:
            place.memory.acknowledged += [one["id"] for one in batch if one["id"] not in known]

    def _settle(self, place: Place) -> None:
        """Everything mended, taken in and run."""
        place.mend_all()
        place.machine(place.user.flush, runs=True)
        place.machine(lambda: place.user.sync(confirm=True))

    def _nothing_left(self, place: Place) -> None:
        """A sync after a sync finds nothing, and writes nothing."""
        before = place.look()
        report = place.machine(place.user.sync)
        assert not report.edits, f"a sync after a sync took in {report.edits}"
        assert not report.held, f"a sync after a confirmed one holds {report.held}"
        after = place.look()
        assert before.files == after.files
        assert before.items == after.items

    def _commit(self, place: Place) -> None:
        git(place.store, "add", "-A")
        git(place.store, "commit", "-q", "--allow-empty", "-m", "as it stands")

    # -- the service

    @rule(which=WHICH, count=st.integers(1, 4))
    def memorize(self, which: int, count: int) -> None:
        place = self.place(which)
        self._memorize(place, self._conversation(count))
        self.ended("memorize", place)

    @rule(which=WHICH, pick=PICK)
    def memorize_again(self, which: int, pick: int) -> None:
        place = self.place(which)
        self._memorize(place, self.batches[pick % len(self.batches)])
        self.ended("memorize again", place)

    @rule(which=WHICH, count=st.integers(1, 3))
    def add(self, which: int, count: int) -> None:
        place = self.place(which)
        batch = self._conversation(count)
        place.run(place.user.add(batch))
        place.memory.acknowledged += [one["id"] for one in batch]
        self.ended("add", place)

    @rule(which=WHICH)
    def flush(self, which: int) -> None:
        place = self.place(which)
        place.machine(place.user.flush, runs=True)
        self.ended("flush", place)

    @rule(which=WHICH, confirm=st.booleans())
    def sync(self, which: int, confirm: bool) -> None:
        place = self.place(which)
        place.machine(lambda: place.user.sync(confirm=confirm))
        self.ended("sync, confirmed" if confirm else "sync", place)

    @rule(which=WHICH)
    def reindex(self, which: int) -> None:
        place = self.place(which)
        place.machine(place.user.reindex)
        self.ended("reindex", place)

    @rule(which=WHICH, lost=st.booleans())
    def reopen(self, which: int, lost: bool) -> None:
        """The service ends and begins again; half of the times `.memu/` is gone meanwhile."""
        place = self.place(which)
        place.close()
        if lost:
            place.lose_derived()
        place.open()
        self.ended("delete .memu" if lost else "reopen", place)

    @rule(which=WHICH, kind=st.sampled_from(["memorize", "flush", "sync"]), at=PICK, torn=st.booleans())
    def crash(self, which: int, kind: str, at: int, torn: bool) -> None:
        """A process is killed at an act on the disk, or, where it has fewer, comes to its end."""
        place = self.place(which)
        steps: list[list[Any]] = [[kind]]
        if kind == "memorize":
            steps = [[kind, self.messages, 3]]
            self._conversation(3)
        before, acks = place.before(), self.scratch / "acks"
        acks.unlink(missing_ok=True)
        death = {"at": 1 + at % MOST_ACTS, "torn": torn, "seed": at}
        job = self.zygote.start("run_steps", place=str(place.store), steps=steps, acks=str(acks), **death)
        done = job.wait()
        refused = bool(place.bad) and not done.killed and "CorruptFile" in str(done.result)
        if not done.killed and not refused:
            done.value()
        noted = [json.loads(line) for line in acks.read_text().splitlines()] if acks.exists() else []
        place.memory.acknowledged += [one for note in noted for one in note["ids"]]
        ran = place.at_rest or kind != "sync"
        place.wrote(before, complete=ran and not done.killed and not refused)
        self.ended(f"crash in {kind}" if done.killed else f"{kind} elsewhere", place)

    # -- a person at one file

    def _edit(self, which: int, file: int, hand: str, pick: int) -> None:
        place = self.place(which)
        names = place.names()
        if not names:
            return
        name = names[file % len(names)]
        data = PLAIN[hand](place.text(name), pick, self.word())
        if data is not None:
            place.path(name).write_bytes(data)
            self.ended(f"edit: {hand}", place)

    @rule(which=WHICH, file=PICK, hand=st.sampled_from(sorted(BULLETS)), pick=PICK)
    def edit_bullet(self, which: int, file: int, hand: str, pick: int) -> None:
        self._edit(which, file, hand, pick)

    @rule(which=WHICH, file=PICK, hand=st.sampled_from(sorted(NEW_BULLETS)), pick=PICK)
    def new_bullet(self, which: int, file: int, hand: str, pick: int) -> None:
        self._edit(which, file, hand, pick)

    @rule(which=WHICH, file=PICK, hand=st.sampled_from(sorted(BETWEEN)), pick=PICK)
    def edit_between(self, which: int, file: int, hand: str, pick: int) -> None:
        self._edit(which, file, hand, pick)

    @rule(which=WHICH, file=PICK, hand=st.sampled_from(sorted(HEADINGS)), pick=PICK)
    def edit_heading(self, which: int, file: int, hand: str, pick: int) -> None:
        self._edit(which, file, hand, pick)

    @rule(which=WHICH, file=PICK, hand=st.sampled_from(sorted(WHOLE)), pick=PICK)
    def edit_file(self, which: int, file: int, hand: str, pick: int) -> None:
        self._edit(which, file, hand, pick)

    @rule(which=WHICH, file=PICK, hand=st.sampled_from(sorted(HOSTILE)), pick=PICK)
    def spoil(self, which: int, file: int, hand: str, pick: int) -> None:
        place = self.place(which)
        names = [name for name in place.names() if any(ids_in(place.text(name)))]
        if not names or len(place.bad) > 1:
            return
        name = names[file % len(names)]
        data = HOSTILE[hand](place.text(name), pick, self.word())
        if data is not None:
            place.spoil(name, data)
            self.ended(f"spoil: {hand}", place)

    @precondition(lambda self: any(place.bad for place in self.places))
    @rule(pick=PICK)
    def mend(self, pick: int) -> None:
        spoilt = [(place, name) for place in self.places for name in sorted(place.bad)]
        place, name = spoilt[pick % len(spoilt)]
        place.mend(name)
        self.ended("mend", place)

    # -- a person at several files

    @rule(which=WHICH, file=PICK, how=st.sampled_from(["rename", "delete", "copy", "new"]))
    def whole_file(self, which: int, file: int, how: str) -> None:
        place = self.place(which)
        names = place.names()
        if not names:
            return
        path, other = place.path(names[file % len(names)]), place.path(f"{self.word()}.md")
        if how == "rename":
            path.rename(other)
        elif how == "delete":
            path.unlink()
        elif how == "copy":
            shutil.copy(path, other)
        else:
            other.write_text(f"# {other.stem}\n\n## mine\n- I alone know {self.word()}.\n")
        self.ended(f"file: {how}", place)

    @rule(which=WHICH, source=PICK, goal=PICK, pick=PICK, cut=st.booleans())
    def carry(self, which: int, source: int, goal: int, pick: int, cut: bool) -> None:
        """Cut or copy a bullet, and paste it at the end of another file."""
        place = self.place(which)
        names = place.names()
        if len(names) < 2:
            return
        name = names[source % len(names)]
        other = [one for one in names if one != name][goal % (len(names) - 1)]
        lines = lines_of(place.text(name))
        bullets = [n for n, line in enumerate(lines) if line.startswith("- ") and id_of(line)]
        if not bullets:
            return
        line = lines[bullets[pick % len(bullets)]].rstrip("\r\n")
        if cut:
            del lines[bullets[pick % len(bullets)]]
            place.path(name).write_bytes("".join(lines).encode())
        text = place.text(other)
        gap = "" if text.endswith("\n") else "\n"
        place.path(other).write_bytes(f"{text}{gap}{line}\n".encode())
        self.ended("cut and paste" if cut else "copy and paste", place)

    @rule(which=WHICH, file=PICK, pick=PICK)
    def edit_item_line(self, which: int, file: int, pick: int) -> None:
        """A person corrects a statement where it is kept: in `items/`."""
        place = self.place(which)
        paths = sorted(place.root.glob("items/*.jsonl"))
        now = place.look().items
        if not paths or not place.at_rest:
            return
        path = paths[file % len(paths)]
        lines = path.read_bytes().splitlines(keepends=True)
        at = pick % len(lines)
        item = json.loads(lines[at])
        if now.get(item["id"]) != item or item["status"] != "active":
            return
        told = [text for name, text in place.look().texts() if name not in place.bad]
        # A file that cannot be told now is mended later, and its bullet follows then.
        for text in (*told, *(data.decode() for data in place.bad.values())):
            for line in lines_of(text):
                if id_of(line) == item["id"]:
                    place.note_item_edit(line)
        item["text"] = f"{item['text'].rstrip('.')}, says {self.word()}."
        lines[at] = json.dumps(item, ensure_ascii=False).encode() + b"\n"
        path.write_bytes(b"".join(lines))
        self.ended("edit an items line", place)

    # -- git

    @rule(which=WHICH)
    def commit(self, which: int) -> None:
        place = self.place(which)
        self._commit(place)
        self.ended("commit", place)

    @precondition(lambda self: self.merges < self.most_merges)
    @rule(which=WHICH, theirs=st.integers(1, 3), ours=st.integers(1, 3))
    def merge_clone(self, which: int, theirs: int, ours: int) -> None:
        """A clone memorizes one conversation, this place another, and a person merges the two."""
        place = self.place(which)
        report = None if place.bad else place.machine(lambda: place.user.sync(confirm=True))
        if report is None or report.problems or not place.at_rest:
            return
        self.merges += 1
        place.run(place.service.init(git=True))  # which tells git how to merge category files
        self._commit(place)
        clone = self.scratch / f"clone{self.merges}"
        git(self.scratch, "clone", "-q", str(place.store), str(clone))
        batch = self._conversation(theirs)
        self.runner.run(self._elsewhere(clone, batch))
        git(clone, "add", "-A")
        git(clone, "commit", "-q", "--allow-empty", "-m", "elsewhere")
        self._memorize(place, self._conversation(ours))
        self._commit(place)
        before = place.look()
        git(place.store, "pull", "-q", "--no-rebase", "--no-edit", str(clone), "HEAD")
        place.merged(before)
        known = set(place.memory.acknowledged)
        place.memory.acknowledged += [one["id"] for one in batch if one["id"] not in known]
        place.machine(place.user.sync)
        self.ended("merge of a clone", place)

    async def _elsewhere(self, store: Path, batch: list[dict[str, str]]) -> None:
        async with service_at(store, self.model()) as service:
            await service.init(git=True)
            await service.user(USER).memorize(batch)


class PeopleWithModel(People):
    """The same where a (scripted) model does the extraction, and corrects what it was told before."""

    most_merges: ClassVar[int] = 0
    """Clones with corrections are in tests/merges: here a copied entry would be told by its text alone."""

    def model(self) -> RuleModel | None:
        return RuleModel()

    def _conversation(self, count: int) -> list[dict[str, str]]:
        if count == 3:  # a size that the killed process makes of its own, with no model
            return super()._conversation(count)
        first, self.sessions = self.sessions, self.sessions + (count + 1) // 2
        batch = [one for number in range(first, self.sessions) for one in session(number)]
        self.batches.append(batch)
        return batch


__all__ = ["USER", "People", "PeopleWithModel"]
