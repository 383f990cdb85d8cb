"""The environment is read once, and a value that makes no sense ends in one helpful line."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import settings
from core import clock, lists
from core.list_names import FOLLOWED
from core.lists import KNOWN
from core.socket_paths import socket_path, socket_url
from settings import (
    HERE,
    PARSERS,
    Settings,
    SettingsError,
    from_environment,
)

TOKEN = "ghp_0123456789abcdef"
MINUTE = timedelta(minutes=1)


def refusal(**environ: str) -> str:
    with pytest.raises(SettingsError) as refused:
        from_environment(environ)
    return str(refused.value)


# What is read

DYNO = {"DYNO": "web.1", "REDIS_URL": "redis://redis.test"}

DEFAULTS = Settings(
    database_url="sqlite:///var/starboard.db",
    redis_url=socket_url(HERE / "var"),
    github_api_url="https://api.github.com",
    github_token=None,
    lists=(*KNOWN.values(), replace(FOLLOWED, names=())),
    poll_every=10 * MINUTE,
    aggregate_every=15 * MINUTE,
    port=8000,
    web_concurrency=1,
    log_level="info",
    log_format="auto",
)


@pytest.mark.parametrize("nothing", ["", "  "])
def test_what_is_missing_or_empty_has_its_default(nothing: str) -> None:
    empty = {variable: nothing for variable, _ in PARSERS.values()}

    assert from_environment({}) == from_environment({**empty, "DYNO": ""}) == DEFAULTS


def test_every_variable_is_read() -> None:
    environ = {
        "DATABASE_URL": "postgres://me:pass@db.test:5433/stars",
        "REDIS_URL": "rediss://:word@redis.test:6380",
        "VALKEY_PORT": "6380",
        "VALKEY_PASSWORD": "correct-horse-battery",
        "GITHUB_API_URL": "https://github.test/api/v3",
        "GITHUB_TOKEN": f" {TOKEN}\n",
        "LISTS": "stars",
        "WATCH": "quiet/harbor",
        "POLL_MINUTES": "1",
        "AGGREGATE_MINUTES": "60",
        "PORT": "65535",
        "WEB_CONCURRENCY": "3",
        "LOG_LEVEL": "Debug",
        "LOG_FORMAT": "JSON",
    }

    assert from_environment(environ) == Settings(
        database_url="postgres://me:pass@db.test:5433/stars",
        redis_url="rediss://:word@redis.test:6380",
        valkey_port=6380,
        valkey_password="correct-horse-battery",
        github_api_url="https://github.test/api/v3",
        github_token=TOKEN,
        lists=(KNOWN["stars"],),
        watch=("quiet/harbor",),
        poll_every=MINUTE,
        aggregate_every=60 * MINUTE,
        port=65535,
        web_concurrency=3,
        log_level="debug",
        log_format="json",
    )


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:////srv/a.db",
        "postgresql://db.test/stars",
        "postgres://db",
        "postgresql:///stars?host=/run/postgresql",
    ],
)
def test_any_url_of_a_database_that_is_served_will_do(url: str) -> None:
    assert from_environment({"DATABASE_URL": url, **DYNO}).database_url == url


@pytest.mark.parametrize(
    ("value", "slugs"),
    [
        ("python", ["python"]),
        (" cpp , forks,,stars, Cpp,language:C++,", ["stars", "forks", "cpp"]),
        ("stars,language:Zig,language:F#,cpp", ["stars", "cpp", "fsharp", "zig"]),
    ],
)
def test_lists_are_named_in_any_order_and_each_is_kept_once(value: str, slugs: list[str]) -> None:
    chosen = from_environment({"LISTS": value}).lists

    assert [ranked.slug for ranked in chosen] == slugs


def test_a_collection_comes_from_a_file_and_is_watched_and_takes_no_search(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("quiet/harbor\nloud/motor  # fast\n")
    names = ("still/sea", "quiet/harbor", "loud/motor")

    chosen = from_environment(
        {
            "LISTS": f"stars,followed,collection:Mine={path}",
            "WATCH": names[0],
            "GITHUB_TOKEN": TOKEN,
        }
    )

    assert [(it.slug, it.names) for it in chosen.lists] == [
        ("stars", None),
        ("collection-mine", names[1:]),
        ("followed", names),
    ]
    assert chosen.watch == names
    assert [it.slug for it in chosen.searched] == ["stars"]


# What is refused

POSTGRES_OR_SQLITE = "expected a URL that begins with sqlite:// or postgresql:// or postgres://"
REDIS = "expected a URL that begins with redis:// or rediss:// or unix://"
HTTP = "expected a URL that begins with https:// or http://"
DIVISOR = "expected a divisor of 60: 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60"
PORTS = "expected a number from 1 to 65535"


def test_all_of_an_owners_are_watched_beside_names() -> None:
    settings = from_environment({"WATCH": "quiet/harbor, apache/*,Quiet/Harbor,Apache/*,loud/ship"})

    assert settings.watch == ("quiet/harbor", "loud/ship")
    assert settings.watch_owners == ("apache",)


WATCHED = "expected owner/name or owner/*, as on GitHub"
LISTS = "expected a language as GitHub spells it, such as language:Zig"


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("DATABASE_URL", "mysql://db.test/stars", POSTGRES_OR_SQLITE),
        ("DATABASE_URL", "stars.db", POSTGRES_OR_SQLITE),
        ("DATABASE_URL", "postgres://db.test:port/stars", POSTGRES_OR_SQLITE),
        ("DATABASE_URL", "sqlite:stars.db", POSTGRES_OR_SQLITE),
        ("REDIS_URL", "http://redis.test", REDIS),
        ("REDIS_URL", "redis://[::1", REDIS),
        ("REDIS_URL", "REDIS://redis.test", REDIS),
        ("REDIS_URL", "redis:///0", REDIS),
        ("GITHUB_API_URL", "api.github.com", HTTP),
        ("GITHUB_API_URL", "https://", HTTP),
        ("GITHUB_API_URL", "https://github.test:99999", HTTP),
        (
            "GITHUB_API_URL",
            "https://…@github.test/api/v3",
            "expected a URL without a user or a query; a token goes into GITHUB_TOKEN",
        ),
        ("LISTS", "pyhton", "did you mean 'python'?"),
        ("LISTS", "language:", LISTS),
        ("LISTS", "new:0d", "expected 1 to 3650 days, such as new:30d"),
        ("LISTS", ",", "expected at least one list, such as stars"),
        ("WATCH", "harbor", WATCHED),
        ("WATCH", "quiet/", WATCHED),
        ("WATCH", "quiet/har*", WATCHED),
        ("WATCH", "*/harbor", WATCHED),
        ("WATCH", "/harbor", WATCHED),
        ("WATCH", "quiet/harbor/x", WATCHED),
        ("WATCH", "-quiet/harbor", WATCHED),
        ("WATCH", "quiet/..", WATCHED),
        ("WATCH", "quiet/.", WATCHED),
        ("WATCH", "_quiet/harbor", WATCHED),
        ("WATCH", "quiet/har bor", WATCHED),
        ("WATCH", "quiet/härbor", WATCHED),
        ("WATCH", "https://github.com/quiet/harbor", WATCHED),
        ("WATCH", f"quiet/{'x' * 101}", WATCHED),
        ("POLL_MINUTES", "7", DIVISOR),
        ("POLL_MINUTES", "0", DIVISOR),
        ("POLL_MINUTES", "010", DIVISOR),
        ("AGGREGATE_MINUTES", "-15", DIVISOR),
        ("AGGREGATE_MINUTES", "1.5", DIVISOR),
        ("PORT", "0", PORTS),
        ("PORT", "65536", PORTS),
        ("PORT", "http", PORTS),
        ("PORT", "٨٠", PORTS),
        ("WEB_CONCURRENCY", "0", "expected a number from 1 to 64"),
        ("WEB_CONCURRENCY", "65", "expected a number from 1 to 64"),
        ("LOG_LEVEL", "loud\n", "expected one of debug, info, warning, error, critical"),
        ("LOG_FORMAT", "xml", "expected one of auto, console, json"),
        (
            "DATABASE_URL",
            "",  # on a dyno
            "Heroku's dynos share no disk, so SQLite cannot serve them; "
            "add a database: heroku addons:create heroku-postgresql",
        ),
    ],
)
def test_one_line_names_the_variable_the_value_and_what_would_be_right(
    variable: str, value: str, expected: str
) -> None:
    line = refusal(**{variable: value}, DYNO="" if value else "web.1")

    assert line == f"{variable}={value.strip()!r}: {expected}"


def test_of_several_lists_the_wrong_one_is_named_even_where_it_holds_a_line_break() -> None:
    line = refusal(LISTS="stars,py\nthon,forks")

    assert line == r"LISTS='py\nthon': did you mean 'python'?"


def test_a_number_of_any_length_is_refused_in_one_line() -> None:
    assert refusal(PORT="9" * 5_000).endswith(PORTS)


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        (
            {"POLL_MINUTES": "1", "GITHUB_TOKEN": TOKEN},
            "POLL_MINUTES='1': too short for 36 lists within GitHub's search limit; "
            "set POLL_MINUTES=2, or at most 22 LISTS",
        ),
        (
            {"POLL_MINUTES": "1"},  # too short with a token, too
            "POLL_MINUTES='1': too short for 36 lists within GitHub's search limit; "
            "set POLL_MINUTES=5, or at most 7 LISTS",
        ),
        (
            {"POLL_MINUTES": "4"},
            "POLL_MINUTES='4': too short for 36 lists within GitHub's search limit; "
            "set POLL_MINUTES=5, or at most 29 LISTS, or a GITHUB_TOKEN (three times as many)",
        ),
        (
            {"LISTS": ",".join(f"language:L{n}" for n in range(458)), "GITHUB_TOKEN": TOKEN},
            "POLL_MINUTES='10': too short for 458 lists within GitHub's search limit; "
            "set POLL_MINUTES=30, or at most 228 LISTS",
        ),
        (
            {"LISTS": ",".join(f"language:L{n}" for n in range(2_000)), "GITHUB_TOKEN": TOKEN},
            "POLL_MINUTES='10': too short for 2000 lists within GitHub's search limit; "
            "set at most 228 LISTS",
        ),
    ],
)
def test_lists_that_do_not_fit_the_interval_are_refused_with_what_would_fit(
    environ: dict[str, str], line: str
) -> None:
    assert refusal(**environ) == line


@pytest.mark.parametrize(
    "environ",
    [
        {"POLL_MINUTES": "5"},
        {"POLL_MINUTES": "4", "LISTS": ",".join(list(KNOWN)[:29])},
        {"POLL_MINUTES": "4", "GITHUB_TOKEN": TOKEN},
        {"POLL_MINUTES": "1", "LISTS": ",".join(list(KNOWN)[:22]), "GITHUB_TOKEN": TOKEN},
        {"POLL_MINUTES": "1", "LISTS": ",".join([*list(KNOWN)[:7], "followed"])},
    ],
)
def test_lists_that_just_fit_are_accepted(environ: dict[str, str]) -> None:
    assert from_environment(environ).poll_every == int(environ["POLL_MINUTES"]) * MINUTE


# Secrets


def test_a_token_is_taken_whatever_its_length_and_its_signs() -> None:
    token = f"ghs_{'aB3-x.y_Z' * 57}+/=~"

    assert from_environment({"GITHUB_TOKEN": token}).github_token == token


def test_a_weak_password_of_valkey_is_refused_without_being_shown() -> None:
    assert refusal(VALKEY_PORT="6380", VALKEY_PASSWORD="s3cret") == (
        "VALKEY_PASSWORD='(not shown)': expected 16 to 200 letters, digits, and _ . ~ -"
    )


def test_a_port_of_valkey_needs_a_password_and_a_password_a_port() -> None:
    each_other = "VALKEY_PORT and VALKEY_PASSWORD need each other"

    assert refusal(VALKEY_PORT="6380") == f"VALKEY_PASSWORD='': {each_other}"
    assert refusal(VALKEY_PASSWORD="correct-horse-battery") == f"VALKEY_PORT='': {each_other}"


def test_the_password_of_valkey_is_in_the_url_of_its_socket() -> None:
    both = {"VALKEY_PORT": "6380", "VALKEY_PASSWORD": "correct-horse-battery"}

    assert from_environment(both).redis_url == socket_url(HERE / "var", "correct-horse-battery")
    assert from_environment({**both, "REDIS_URL": "redis://a.test"}).redis_url == "redis://a.test"


@pytest.mark.parametrize(
    "token", ["s3cr et0", "s3cret\t0", "s3cret\n00", "s3cret\x7f0", "s3cret\u00e90", "s3cret0"]
)
def test_a_wrong_token_is_refused_without_being_shown(token: str) -> None:
    assert refusal(GITHUB_TOKEN=token) == (
        "GITHUB_TOKEN='(not shown)': "
        "expected a GitHub token: 8 or more ASCII characters, without blanks"
    )


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("DATABASE_URL", "mysql://me:s3cret@db.test/stars"),
        ("DATABASE_URL", "postgres://me:s3cret#1@db.test/stars"),
        ("REDIS_URL", "redis://:s3cret@redis.test:port"),
        ("REDIS_URL", "http://s3cret@redis.test"),
        ("DATABASE_URL", "mysql://me:pass/s3cret@db.test/stars"),
        ("DATABASE_URL", "mysql://me:p@s3cret@db.test/stars"),
        ("DATABASE_URL", "postgres:me:s3cret@db.test/stars"),
        ("DATABASE_URL", "mysql://me:a\ns3cret@db.test/stars"),
        ("DATABASE_URL", "mysql://db.test/stars?password=s3cret"),
        ("DATABASE_URL", "mysql://me:s3cret?1@db.test/stars"),
        ("GITHUB_API_URL", "https://me:s3cret@github.test/api/v3"),
        ("GITHUB_API_URL", "https://github.test/api/v3?access_token=s3cret"),
    ],
)
def test_a_wrong_url_is_refused_without_its_password(variable: str, url: str) -> None:
    line = refusal(**{variable: url})

    assert line.startswith(f"{variable}=")
    assert "s3cret" not in line


def test_the_secrets_are_the_token_and_the_passwords_as_written_and_as_meant() -> None:
    owned = Settings(
        database_url="postgres://me:p%40ss@db.test/stars",
        redis_url="redis://:word@redis.test",
        github_token=TOKEN,
    )

    assert sorted(owned.secrets) == [TOKEN, "p%40ss", "p@ss", "word"]


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("sqlite:////srv/starboard.db", []),
        ("postgres://db.test:5432/stars", []),
        ("postgres://:@db.test", []),
        ("postgres://me@db.test/stars", []),
        ("postgres://me:12/34@db.test:5432/stars", ["12/34"]),
        ("postgres://me:a@b?c#d@db.test/stars", ["a@b?c#d"]),
        ("postgres://me:12:34@db.test/stars", ["12:34"]),
        ("postgres://db.test/stars?sslmode=require&password=a%20b&user=me", ["a b", "a%20b"]),
    ],
)
def test_a_password_is_found_wherever_a_url_may_hold_it(url: str, secrets: list[str]) -> None:
    assert sorted(Settings(database_url=url).secrets) == secrets


@pytest.mark.parametrize(
    "changes",
    [
        {"github_token": "s3cret00"},
        {"database_url": "postgres://me:s3cret@db.test/stars"},
        {"redis_url": "redis://:s3cret@redis.test"},
    ],
)
def test_no_secret_is_shown_by_repr(changes: dict[str, str]) -> None:
    assert "s3cret" not in repr(Settings(**changes))  # type: ignore[arg-type]


# The process


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for variable in ("DYNO", *(variable for variable, _ in PARSERS.values())):
        monkeypatch.delenv(variable, raising=False)
    return monkeypatch


def test_the_process_ends_with_one_line_and_status_2(
    clean_environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clean_environment.setenv("PORT", "http")

    with pytest.raises(SystemExit) as ended:
        settings.or_exit()

    assert ended.value.code == 2
    assert capsys.readouterr() == ("", f"starboard: PORT='http': {PORTS}\n")


def test_the_process_has_the_settings_of_its_environment(
    clean_environment: pytest.MonkeyPatch,
) -> None:
    clean_environment.setenv("LISTS", "forks")

    assert settings.or_exit().lists == (lists.KNOWN["forks"],)


# Repositories to watch


@pytest.mark.parametrize(
    ("value", "watched"),
    [
        ("quiet/harbor", ("quiet/harbor",)),
        (" a/b , ,c/d,", ("a/b", "c/d")),
        ("Quiet/Harbor,quiet/harbor,A/b", ("Quiet/Harbor", "A/b")),
        ("a/.github,a/b.c,a/b_c,a/-", ("a/.github", "a/b.c", "a/b_c", "a/-")),
        ("qui_et/harbor", ("qui_et/harbor",)),
        (",", ()),
    ],
)
def test_watched_ones_are_kept_as_written_each_once(value: str, watched: tuple[str, ...]) -> None:
    assert from_environment({"WATCH": value}).watch == watched


def watching(number: int) -> str:
    return ",".join(f"a/b{it}" for it in range(number))


FEW = "expected at most 3 repositories; set POLL_MINUTES higher, or a GITHUB_TOKEN"


@pytest.mark.parametrize(
    ("number", "environ", "way"),
    [
        (6, {}, "expected at most 5 repositories; set a GITHUB_TOKEN for more"),
        (4, {"POLL_MINUTES": "5", "LISTS": "stars"}, FEW),
    ],
)
def test_more_than_fit_githubs_limit_are_refused_with_what_would_help(
    number: int, environ: dict[str, str], way: str
) -> None:
    assert refusal(WATCH=watching(number), **environ) == f"WATCH={watching(number)!r}: {way}"
    assert len(from_environment({"WATCH": watching(number - 1), **environ}).watch) == number - 1


def test_with_a_token_any_number_may_be_watched() -> None:
    assert len(from_environment({"WATCH": watching(2_000), "GITHUB_TOKEN": TOKEN}).watch) == 2_000


# Moments


@pytest.mark.parametrize(
    ("minutes", "now", "then"),
    [
        (15, "12:00:00", "12:00:30"),
        (15, "12:00:30", "12:15:30"),
        (15, "12:24:30.250", "12:30:30"),
        (60, "12:24:30", "13:00:30"),
    ],
)
def test_the_next_build_is_half_a_minute_behind_the_interval(
    minutes: int, now: str, then: str
) -> None:
    chosen = from_environment({"AGGREGATE_MINUTES": str(minutes)})

    found = chosen.next_build_at(clock.parse(f"2026-03-01T{now}Z"))

    assert found == clock.parse(f"2026-03-01T{then}Z")


# Where an installation's Valkey listens


def test_heroku_without_a_redis_is_refused_with_the_way_out() -> None:
    with pytest.raises(SettingsError, match="REDIS_URL='': .*heroku addons:create heroku-redis"):
        from_environment({"DYNO": "web.1", "DATABASE_URL": "postgres://db"})


def test_a_socket_is_in_the_installations_own_folder() -> None:
    assert socket_path(Path("/srv/stars/var")) == Path("/srv/stars/var/valkey.sock")
    assert socket_url(Path("/srv/stars/var")) == "unix:///srv/stars/var/valkey.sock"


@pytest.mark.parametrize("var", ["/srv/my stars/var", f"/srv/{'long/' * 20}var", "/srv/größe/var"])
def test_where_its_path_will_not_do_it_is_in_a_short_one_of_this_installation(var: str) -> None:
    path = socket_path(Path(var))

    assert len(str(path)) < 100 and " " not in str(path)
    assert path != socket_path(Path(f"{var}2"))
    assert path == socket_path(Path(var))
