"""The local runner of `make run` and `make demo`: what the Procfile names, and a Valkey.

It goes on until Ctrl-C or SIGTERM; a process that dies meanwhile is started again.
"""

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from shlex import quote

import settings as configuration
from core.socket_paths import socket_url
from core.url_secrets import without_password
from local.embedded import (
    READY_WITHIN,
    free_port,
    is_free,
    listens,
    locked,
    memory_folder,
)
from local.supervisor import Process, Supervisor, say
from settings import Settings, exit_with

HERE = Path(__file__).parents[1]
DEMO = {
    "LISTS": "stars,forks,python,rust,go,topic:llm,owner:parcel-labs,new:30d,followed,"
    "collection:Picks=orchardOrg/quiet-lantern+beaconkit/fabled-wagon+tunnel-team/jolly-garden+"
    "wagonkit/russet-saddle+tunnel-works/mellow-yard",
    "POLL_MINUTES": "1",
    "AGGREGATE_MINUTES": "1",
    "GITHUB_TOKEN": "made-up-as-all-else-is",  # any will do there, and raises its limits
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", action="store_true", help="offline, against a fake GitHub")
    parser.add_argument("--var", type=Path, default=HERE / "var", help="where data is kept")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(run(arguments.var.absolute(), demo=arguments.demo))


def run(var: Path, *, demo: bool) -> int:
    """Run an installation until told to end; gives the exit status."""
    commands, environment = procfile(), environment_of(var)
    if demo:
        var, port = var / "demo", free_port(9000)
        commands["github"] = f"python -m local.fake_github --port {port}"
        environment |= demo_environment(var, port)
    embedded = not environment.get("REDIS_URL")
    if embedded:
        password = configuration.or_exit(environment).valkey_password
        environment["REDIS_URL"] = socket_url(var, password)
    settings = configuration.or_exit(environment)
    if settings.notify:  # what checks it takes 20 MB
        from monitoring import targets

        targets.check_or_exit(settings)
    check_ports(settings)
    with contextlib.ExitStack() as stack:
        locking = locked(var, settings.valkey_port, settings.valkey_password, fresh=demo)
        server = stack.enter_context(locking) if embedded else None
        if not environment.get("PROMETHEUS_MULTIPROC_DIR"):
            folder = memory_folder(var)
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            environment["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
        supervisor = stack.enter_context(Supervisor(environment, HERE))
        if server is not None:
            supervisor.add(server)
            if not listens(settings.redis_url, server):
                exit_with(f"Valkey did not start; {var / 'valkey' / 'valkey.log'} says why")
        if status := release(supervisor, commands, environment, demo=demo):
            return status
        elsewhere = () if var == HERE / "var" else ("DATABASE_URL", "REDIS_URL")
        made_up = ("GITHUB_API_URL", *DEMO) if demo else ()  # or commands would ask GitHub itself
        address = "".join(f"{name}={quote(environment[name])} " for name in (*elsewhere, *made_up))
        announcement = (settings.port, settings.redis_url, address)
        threading.Thread(target=_announce, args=announcement, daemon=True).start()
        supervisor.run()
    return 0


def release(
    supervisor: Supervisor, commands: dict[str, str], environment: dict[str, str], *, demo: bool
) -> int:
    """Make the schema while the processes load, of which the worker waits for it; the past of a
    demo before they start. Gives the status of what failed, or 0."""
    steps = [commands.pop("release"), *["python -m local.demo"] * demo]
    ready, unready = os.pipe()
    environment["RELEASED_FD"] = str(ready)  # its end is reached once the schema is made
    processes = [Process(name, shell(line), [ready]) for name, line in commands.items()]
    if not demo:
        supervisor.add(*processes)
    for step in steps:
        status = subprocess.run(step, shell=True, env=environment, cwd=HERE).returncode
        if status or supervisor.told_to_end:
            return status
    os.close(unready)
    if demo:
        supervisor.add(*processes)
    return 0


def check_ports(settings: Settings) -> None:
    """End the process with one line where something else listens on a port of ours."""
    for variable, port in (("PORT", settings.port), ("VALKEY_PORT", settings.valkey_port)):
        if port and not is_free(port):
            exit_with(f"port {port} is in use; choose another with {variable}=…")


def demo_environment(var: Path, github_port: int) -> dict[str, str]:
    """What differs for a demo, whose GitHub listens on a port of this machine."""
    return DEMO | {
        "DATABASE_URL": f"sqlite:///{var / 'starboard.db'}",
        "GITHUB_API_URL": f"http://127.0.0.1:{github_port}",
        "REDIS_URL": "",
    }


def procfile() -> dict[str, str]:
    """The Procfile's commands by name."""
    lines = (HERE / "Procfile").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines)


def shell(line: str) -> list[str]:
    """The arguments that run a line of the Procfile, with no shell between it and us."""
    return ["/bin/sh", "-c", f"exec {line}"]


def environment_of(var: Path) -> dict[str, str]:
    """The environment, with this installation's defaults where it says nothing."""
    environment = dict(os.environ)
    environment["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    environment.setdefault("BIND", "127.0.0.1")
    environment.setdefault("LOG_FORMAT", "console" if sys.stdout.isatty() else "json")
    if not environment.get("FOLLOW") and not environment.get("PUBLIC_URL"):
        environment["FOLLOW"] = "local"  # who sits at this machine
    if not environment.get("DATABASE_URL"):
        environment["DATABASE_URL"] = f"sqlite:///{var / 'starboard.db'}"
    return environment


def _announce(port: int, redis_url: str, address: str) -> None:
    """Say where to point curl, once there is something to point it at. `address`: the variables
    that commands need to find it."""
    site = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        if _answers(port):
            break
        time.sleep(0.05)
    else:
        return
    url = without_password(redis_url)
    lines = [
        f"listens on {site}/",
        f"  Its API:            curl {site}/api/v1/lists/stars",
        f"  How it is doing:    curl {site}/api/v1/status",
        f"  Its queues:         rq info -u {url}",
        f"  Its commands:       {address}flask --app app …",
        "  Ctrl-C ends it.",
    ]
    say("\n".join(lines))


def _answers(port: int) -> bool:
    """Whether the web process is up. HTTP's client would be 3 MB that the runner holds for ever."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as client:
        client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        return b" 200 " in client.recv(100)
    return False


if __name__ == "__main__":
    main()
