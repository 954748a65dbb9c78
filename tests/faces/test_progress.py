from __future__ import annotations

import pytest

from memu_like.faces.cli.progress import Stopped, progress_bar


def test_progress_is_silent_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar() as bar:
        bar("memorizing [red]", 1, 2)
        bar("memorizing [red]", 2, 2)
    assert capsys.readouterr() == ("", "")


def test_work_that_outlives_its_command_is_stopped_at_its_next_step() -> None:
    with progress_bar() as bar:
        bar("memorizing", 1, 3)
    with pytest.raises(Stopped):
        bar("memorizing", 2, 3)
