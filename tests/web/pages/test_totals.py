"""The pages of totals by language and by owner."""

import pytest
from flask.testing import FlaskClient

from store.database import Database
from tests.support.github import StubGitHub, answer, poll, repo
from tests.support.pages import by_the_front, read
from tests.support.served import BUILT, MINUTE, PYTHON, publish

pytestmark = pytest.mark.usefixtures("now")


@by_the_front
class TestTotals:
    @pytest.mark.parametrize(
        ("path", "row", "widths"),
        [
            ("/languages?window=1h", "Python 99,900 +200 2", ["100.0", "1.0"]),
            ("/owners?window=1h", "Loud 50,000 +200 1", ["100.0", "99.8", "2.0"]),
        ],
    )
    def test_are_bars_with_their_figures(
        self, full: FlaskClient, path: str, row: str, widths: list[str]
    ) -> None:
        page = read(full.get(path))

        assert row in page.text
        assert page.all("rect", "width") == widths

    def test_lead_from_a_language_to_its_list_alone(self, full: FlaskClient) -> None:
        """A text that is looked for finds other rows than those of a language."""
        for path in ("/languages", "/"):
            page = read(full.get(path))

            assert "Go" in page.text and "/?list=python" in page.all("a", "href")
            assert [it for it in page.all("a", "href") if "/?q=" in it] == []

    def test_can_be_in_the_order_of_their_gains(
        self, full: FlaskClient, database: Database
    ) -> None:
        harbor = repo(1, full_name="Quiet/Harbor", stars=50_100)
        motor = repo(2, full_name="Loud/Motor", stars=50_050)
        poll(database, StubGitHub(answer([harbor, motor])), 1)
        publish(full, BUILT + 10 * MINUTE)

        by_stars, by_gain = (
            read(full.get(f"/owners?window=1h{order}")).all("a", "href")
            for order in ("", "&order=gain")
        )

        assert [it for it in by_stars if "q=" in it] == ["/search?q=Quiet/", "/search?q=Loud/"]
        assert [it for it in by_gain if "q=" in it] == ["/search?q=Loud/", "/search?q=Quiet/"]
        assert "/owners?list=stars&window=24h&order=gain" in by_gain
        by_gain_page = read(full.get("/owners?window=1h&order=gain"))
        assert by_gain_page.all("rect", "width") == ["100.0", "80.0"]
        assert "Owners by gain, with their gain in 1 hour" in by_gain_page.text

    def test_of_a_list_of_one_language_lead_to_its_owners(
        self, full: FlaskClient, database: Database
    ) -> None:
        poll(database, StubGitHub(answer([repo(1)])), 0, ranked=PYTHON)
        publish(full, BUILT + MINUTE)

        page = read(full.get("/languages?list=python&window=1h"))
        everything = read(full.get("/languages"))

        assert "All of them are written in Python." in page.text
        assert "/owners?list=python&window=1h" in page.all("a", "href")
        assert page.all("rect", "width") == []
        assert everything.all("option", "value") == ["stars"]
        assert read(full.get("/owners")).all("option", "value") == ["stars", "python"]
