"""`python -m local.fake_github`: a fake GitHub that listens."""

import argparse
import threading
from contextlib import suppress
from datetime import date
from pathlib import Path

from local.fake_github.api import create_fake_github
from local.fake_github.archive_world import ArchiveWorld
from local.fake_github.faults import FaultInjector
from local.fake_github.newcomers import GrowingWorld
from local.fake_github.serving import serve
from local.fake_github.worlds import World


def main(arguments: list[str] | None = None) -> None:
    """Serve a world until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m local.fake_github", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=9000, help="default: %(default)s; 0: any free")
    parser.add_argument("--seed", type=int, default=1, help="of the made-up world, default: 1")
    parser.add_argument(
        "--archive", type=Path, metavar="FOLDER", help="serve its newest day instead"
    )
    parser.add_argument(
        "--day",
        type=date.fromisoformat,
        metavar="YYYY-MM-DD",
        help="of the archive, not the newest",
    )
    parser.add_argument("--token", help="the only valid one; without it any will do")
    parser.add_argument(
        "--faults", type=float, default=0.0, metavar="SHARE", help="damage that share of answers"
    )
    args = parser.parse_args(arguments)
    if args.day and not args.archive:
        parser.error("--day needs --archive")
    try:
        world = _world(args.archive, args.day or date.max, args.seed)
    except FileNotFoundError as error:
        parser.error(str(error))
    faults = FaultInjector(args.seed, args.faults)
    app = create_fake_github(world, token=args.token, faults=faults)
    with suppress(KeyboardInterrupt), serve(app, args.port, args.host) as url:
        print(f"The fake GitHub listens on {url}", flush=True)
        threading.Event().wait()


def _world(archive: Path | None, day: date, seed: int) -> World:
    return ArchiveWorld(archive, lambda at: day) if archive else GrowingWorld(seed)


if __name__ == "__main__":
    main()
