"""`flask --app app notify`: who is told what, what waits, and whether they can be reached."""

import click

from core import clock, notices
from core.lists import RankedList
from core.names import is_full_name
from monitoring import notifying
from monitoring.targets import Target, targets_of
from settings import SettingsError
from store import outbox
from store.outbox import TargetState
from web import current
from web.command_errors import in_one_line, require_schema


@click.command()
@click.option("--test", is_flag=True, help="Send a test to every target, now, from this process.")
def notify(test: bool) -> None:
    """List the targets of NOTIFY: what each is told, and what waits for it.

    With --test, say of each whether it took a message; the exit status is 1 if one did not.
    """
    settings = current.settings()
    try:
        chosen = targets_of(settings.notify)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    if not chosen:
        raise click.ClickException("NOTIFY is not set: see docs/notifications.md")
    if test:
        raise SystemExit(_test(chosen))
    require_schema()
    with in_one_line(), current.database().read() as session:
        states = outbox.states(session)
    for target in chosen:
        state = states.get(target.key, TargetState())
        click.echo(f"{target.name}  {_told(target, settings.lists)}; {_state(state)}")


def _test(chosen: tuple[Target, ...]) -> int:
    failures = 0
    for target in chosen:
        why = notifying.test(current.settings(), target, clock.now())
        failures += why is not None
        click.echo(f"{target.name}  {'sent' if why is None else f'failed: {why}'}")
    return min(failures, 1)


def _told(target: Target, lists: tuple[RankedList, ...]) -> str:
    if not target.tags:
        return "what concerns followed repositories, and trouble"
    slugs = {ranked.slug for ranked in lists}
    return ", ".join(_meaning(tag.lower(), slugs) for tag in target.tags)


def _meaning(tag: str, slugs: set[str]) -> str:
    if tag == notices.ALWAYS:
        return "everything"
    if tag in notices.KINDS:
        return tag
    if tag in slugs:
        return f"the list {tag}"
    return f"the repository {tag}" if is_full_name(tag) else f"the owner {tag}"


def _state(state: TargetState) -> str:
    waits = f"{state.waiting} waiting"
    failing = f", failing since {clock.rfc3339(state.since)}: {state.why}" if state.since else ""
    return waits + failing


ALL = (notify,)
