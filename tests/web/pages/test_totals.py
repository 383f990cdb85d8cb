"""The pages of totals by language and by owner."""

import pytest
from flask.testing import FlaskClient

from tests.support.pages import by_the_front, read

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
