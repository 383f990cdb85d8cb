"""`flask --app app chart`: the picture that the web would send, as a file to be committed."""

from pathlib import Path

import click
from flask import current_app, url_for
from werkzeug.exceptions import BadRequest, NotFound

from store import repositories
from web import current
from web.charts import ALIGN, RANKED, SCALE, SHOW, SPAN, THEME
from web.command_errors import in_one_line, require_schema
from web.parameters import Parameter


def _option(parameter: Parameter) -> click.Option:
    return click.Option(
        [f"--{parameter.name}"],
        type=click.Choice(parameter.schema["enum"]),
        default=parameter.default,
        show_default=True,
        help=parameter.about,
    )


@click.command(params=[_option(each) for each in (THEME, SPAN, SHOW, SCALE, ALIGN)])
@click.option("--list", metavar="SLUG", help=RANKED.about)
@click.argument("name", metavar="OWNER/NAME")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The file.")
def chart(name: str, output: Path, **look: str | None) -> None:
    """Write the chart of a repository's star history as an SVG file."""
    full_name = current.meant(name)
    if full_name is None:
        raise click.BadParameter(f"{name!r:.120}: expected owner/name, or its address on GitHub")
    require_schema()
    with in_one_line():
        with current.database().read() as session:
            profile = repositories.profile(session, full_name)
        if profile is None:
            raise click.ClickException(
                f"no repository named {full_name} was on any list; "
                f"`flask --app app follow {full_name}` has its history read"
            )
        picture = _picture(profile.full_name, look)
    try:
        output.write_bytes(picture)
    except OSError as error:
        raise click.ClickException(f"{output}: {error.strerror}") from error
    click.echo(f"{output}: {len(picture):,} bytes")


def _picture(full_name: str, look: dict[str, str | None]) -> bytes:
    owner, _, name = full_name.partition("/")
    with current_app.test_request_context():
        url = url_for("charts.chart", owner=owner, name=name, **look)  # type: ignore[arg-type]
    with current_app.test_request_context(url):
        try:
            response = current_app.make_response(current_app.dispatch_request())
        except (BadRequest, NotFound) as error:
            raise click.UsageError(error.description or "") from error
    data: bytes = response.get_data()
    return data
