"""`flask --app app chart`, which writes what the web sends."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.support.served import run

pytestmark = pytest.mark.usefixtures("now")


def test_it_writes_the_picture_that_the_web_sends(full: FlaskClient, tmp_path: Path) -> None:
    file = tmp_path / "star-history.svg"
    arguments = ("--theme", "dark", "--span", "7d", "--scale", "log", "-o", str(file))

    status, output, _ = run(full.application, "chart", "loud/engine", *arguments)

    assert (status, output) == (0, f"{file}: {file.stat().st_size:,} bytes\n")
    url = "/charts/Loud/Motor.svg?theme=dark&span=7d&scale=log"
    assert file.read_bytes() == full.get(url).data


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            ["no/body"],
            "Error: no repository named no/body was on any list; `flask --app app follow",
        ),
        (["nobody"], "'nobody': expected owner/name, or its address on GitHub"),
        (["loud/motor", "--span", "9d"], "'9d' is not one of '7d', '30d', '1y', 'all'"),
        (["loud/motor", "--show", "daily", "--scale", "log"], "Error: show=daily has neither"),
    ],
)
def test_a_mistake_is_told_in_a_line(
    full: FlaskClient, tmp_path: Path, arguments: list[str], error: str
) -> None:
    file = tmp_path / "it.svg"

    status, _, told = run(full.application, "chart", *arguments, "-o", str(file))

    assert status != 0
    assert error in told
    assert not file.exists()


def test_a_folder_that_is_not_there_is_named(full: FlaskClient, tmp_path: Path) -> None:
    file = tmp_path / "gone" / "it.svg"

    status, _, told = run(full.application, "chart", "loud/motor", "-o", str(file))

    assert (status, told) == (1, f"Error: {file}: No such file or directory\n")
