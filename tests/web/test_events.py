"""Events over the API, a page after the other."""

import pytest
from flask.testing import FlaskClient

from tests.support.github import StubGitHub, answer, poll, repo
from tests.support.served import EVENTS, database_of

pytestmark = pytest.mark.usefixtures("now")


class TestEvents:
    def test_come_in_pages_that_go_on_where_the_last_ended(self, full: FlaskClient) -> None:
        everything = full.get(EVENTS).json
        pages = []
        after = 0
        for _ in range(3):
            page = full.get(f"{EVENTS}?list=stars&limit=1&after={after}").json
            assert page is not None
            pages.append(page)
            after = page["next"]

        assert everything is not None
        assert [it["items"] for it in pages] == [[it] for it in everything["items"]] + [[]]
        assert [it["next"] for it in pages] == [1, 2, 2]

    def test_of_later_are_found_from_the_cursor_of_an_empty_page(self, full: FlaskClient) -> None:
        before = full.get(f"{EVENTS}?after=2").json
        harbor = repo(1, full_name="Quiet/Harbor", stars=50_500)
        motor = repo(2, full_name="Loud/Motor", stars=50_000)
        poll(database_of(full), StubGitHub(answer([harbor, motor])), 1)

        assert before == {"items": [], "next": 2}
        after = full.get(f"{EVENTS}?after={before['next']}").json
        assert after is not None
        assert [it["kind"] for it in after["items"]] == ["overtook", "milestone"]

    @pytest.mark.parametrize(
        "cursor",
        [3, 2**31 - 1, 2**31, 2**63 - 1],
    )
    def test_after_a_cursor_that_is_yet_to_come_are_none(
        self, full: FlaskClient, cursor: int
    ) -> None:
        response = full.get(f"{EVENTS}?after={cursor}")

        assert response.json == {"items": [], "next": cursor}

    def test_of_a_list_that_saw_none_are_none(self, full: FlaskClient) -> None:
        assert full.get(f"{EVENTS}?list=Python").json == {"items": [], "next": 0}
