"""What the Dockerfile makes, in a Debian made by mmdebstrap: for where no Docker runs."""

import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from string import Template
from typing import Any

import pytest
import yaml

from tests.support.common import ROOT

SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
CERTIFICATES_THERE = "/etc/certificates-here.crt"
# Of pip's configuration here, what the chroot needs to find packages; all else names paths.
WHERE_PACKAGES_ARE = ("index_url", "trusted_host", "proxy", "timeout")
LEAN = (  # nobody reads these there
    *(f"--dpkgopt=path-exclude=/usr/share/{it}/*" for it in ("doc", "man", "locale")),
    "--dpkgopt=force-unsafe-io",
    '--aptopt=Acquire::Languages "none"',
    "--skip=cleanup/apt",  # so that the Dockerfile's own apt-get update fetches nothing again
)


class Image:
    """A root file system made by a Dockerfile's lines, and what runs in it as its USER."""

    def __init__(self, root: Path) -> None:
        self.root, self.folder, self.user = root, "/", "0"
        self.command: list[str] = []
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        for line in (ROOT / "Dockerfile").read_text().splitlines():
            if line and not line.startswith("#"):
                instruction, _, rest = line.partition(" ")
                getattr(self, f"_{instruction.lower()}")(rest)

    def start(self, command: list[str], **variables: str) -> "subprocess.Popen[str]":
        """Start a command as a container would, with its output in a pipe."""
        return subprocess.Popen(
            ["chroot", f"--userspec={self.user}", self.root, "env", "-C", self.folder, *command],
            env=self.environment | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: list[str], **variables: str) -> tuple[int, str]:
        """Return the exit status and the output of a command."""
        with self.start(command, **variables) as process:
            output, _ = process.communicate()
        return process.returncode, output

    def _from(self, name: str) -> None:
        system, _, suite = name.removesuffix("-slim").partition(":")
        assert system == "debian"
        make = ["mmdebstrap", "--quiet", "--mode=root", "--variant=apt", *LEAN, suite, self.root]
        subprocess.run([*make, *_mirror()], check=True)
        if CERTIFICATES.exists():
            shutil.copy(CERTIFICATES, self.root / CERTIFICATES_THERE[1:])

    def _arg(self, settings: str) -> None:
        self._env(settings)

    def _env(self, settings: str) -> None:
        for setting in shlex.split(settings):
            name, _, value = setting.partition("=")
            self.environment[name] = Template(value).substitute(self.environment)

    def _run(self, line: str) -> None:
        status, output = self.run(["sh", "-c", line], **_pip_settings())
        assert status == 0, f"RUN {line}\n{output[-4000:]}"

    def _workdir(self, folder: str) -> None:
        self.folder = folder
        (self.root / folder[1:]).mkdir()

    def _copy(self, paths: str) -> None:
        what, to = paths.split()
        assert to in (".", "./")
        let_in = (ROOT / ".dockerignore").read_text().splitlines()
        for path in ROOT.glob("*" if what == "." else what):
            if any(path.match(it[1:]) for it in let_in if it.startswith("!")):
                self._copy_one(path)

    def _copy_one(self, path: Path) -> None:
        to = self.root / self.folder[1:] / path.name
        if path.is_dir():
            shutil.copytree(path, to, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, to)

    def _user(self, user: str) -> None:
        self.user = user

    def _volume(self, folder: str) -> None:
        assert (self.root / folder[1:]).is_dir()

    def _expose(self, port: str) -> None:
        assert f"${{PORT:-{port}}}" in (ROOT / "Dockerfile").read_text()

    def _cmd(self, command: str) -> None:
        self.command = json.loads(command)


@contextmanager
def built(folder: Path) -> Iterator[Image]:
    """Build the image in memory, which is a quarter of the time on a disk."""
    if not shutil.which("mmdebstrap"):
        pytest.skip("mmdebstrap is not installed")
    if os.geteuid() != 0:
        pytest.skip("a chroot wants root")
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield Image(folder / "root")
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _mirror() -> list[str]:
    """The mirror that this machine's own packages come from, where it is a Debian."""
    if platform.freedesktop_os_release()["ID"] != "debian":
        return []
    target = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    told = subprocess.run(target, capture_output=True, text=True, check=True).stdout
    return told.splitlines()[:1]


def _pip_settings() -> Mapping[str, str]:
    """Variables by which pip finds packages there as it does here."""
    told = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    found = {"PIP_NO_COMPILE": "1"}  # most of it is never loaded
    for line in told.splitlines():
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2].replace("-", "_")
        if name in WHERE_PACKAGES_ARE:
            found[f"PIP_{name.upper()}"] = shlex.split(value)[0]
        elif name == "cert":
            found["PIP_CERT"] = CERTIFICATES_THERE
    return found
