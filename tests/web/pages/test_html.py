"""The W3C's HTML checker finds nothing in any page: all of them in one run of it, for speed."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from core.clock import HOUR
from core.list_names import FOLLOWED
from tests.support.common import ROOT, MakeApp
from tests.support.pages import BROWSER, EVIL, PAGES
from tests.support.served import BUILT, MINUTE, NOON, PYTHON, STARS, database_of, publish
from tests.support.stored import put, put_days, repo

CHECKER = ROOT / ".venv/node_modules/vnu-jar/build/dist/vnu.jar"  # .ci/run puts it there
JAVA = shutil.which("java")
OTHERS = {
    "/?list=stars&q=nothing-has-this": 200,
    "/?list=followed": 200,
    "/?list=python": 503,  # before its first build
    "/?list=pyhton": 404,
    "/?window=2d": 400,
    "/search": 200,
    "/search?q=o": 200,
    "/search?q=nothing-has-this": 200,
    "/search?q=new%2Fboat": 200,
    "/repos/loud/motor?show=rank&list=stars": 200,
    "/repos/Loud/Motor?scale=log": 200,
    "/repos/brief/fame": 200,
    "/repos/New/Boat": 200,  # collecting
    "/repos/no/body": 404,
    "/repos/evil/name": 200,
    "/languages?list=stars": 200,
    "/nothing/here": 404,
}


def complaints(folder: Path) -> list[str]:
    """What the checker says of the files of a folder."""
    assert JAVA is not None
    told = subprocess.run(
        [
            JAVA,
            "-Xss4m",
            "-XX:TieredStopAtLevel=1",
            "-jar",
            CHECKER,
            "--format",
            "json",
            "--stdout",
            folder,
        ],
        capture_output=True,
        check=False,
    )
    assert told.stdout, told.stderr
    return [
        f"{Path(it['url']).name}:{it['lastLine']}: {it['message']} {it.get('extract')}"
        for it in json.loads(told.stdout)["messages"]
    ]


@pytest.mark.skipif(JAVA is None, reason="there is no java here, which the HTML checker needs")
@pytest.mark.skipif(not CHECKER.exists(), reason="there is no npm package vnu-jar in .venv")
@pytest.mark.usefixtures("now")
@pytest.mark.parametrize("make_app", ["by the front"], indirect=True)
def test_the_checker_of_the_w3c_finds_nothing(
    full: FlaskClient, make_app: MakeApp, tmp_path: Path
) -> None:
    database = database_of(full)
    evil = repo(77, full_name="evil/name", description=EVIL, language="C++ <b>", stars=12)
    put(database, evil, at=NOON - 2 * HOUR)
    put_days(database, 2, *range(40), last=(NOON - 24 * HOUR).date(), pages=2)
    client = make_app(lists=(STARS, PYTHON, FOLLOWED), follow="anyone").test_client()
    for name in ("new/boat", "loud/motor"):
        assert client.post("/follow", data={"repository": name}).status_code == 303
    put(database, repo(2), repo(1), at=NOON, ranked=FOLLOWED)
    publish(client, BUILT + MINUTE)
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "wrong.html").write_text("<!doctype html><title>x</title><p><ul></ul></p>")
    for number, (path, status) in enumerate({**dict.fromkeys(PAGES, 200), **OTHERS}.items()):
        response = client.get(path, headers=BROWSER, follow_redirects=True)
        assert (path, response.status_code) == (path, status)
        page = folder / f"{number}.html"
        page.write_text(f"{response.text}\n<!-- {path} -->\n")

    found = complaints(folder)

    assert any("wrong.html" in it for it in found)  # it looks
    assert [it for it in found if "wrong.html" not in it] == []
