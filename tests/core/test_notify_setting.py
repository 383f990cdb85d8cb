"""The setting NOTIFY: what it takes, and which texts in it are kept out of logs."""

import pytest

from core.notify_setting import Notify, parse

CONFIG = """
tag: python
urls:
  - slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#stars
  - mailtos://me:hunter%2Fhunter@mail.example.com:
      to: You9@example.com
      tag: Secret1Tag
  - schema: pover
    token: Ab12Cd34Ef
"""


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("a: [", "expected an Apprise YAML file; line 1 is wrong"),
        ("just a text", "expected an Apprise YAML file; this one has no `urls:`"),
        ("urls: []", "expected an Apprise YAML file; this one has no `urls:`"),
    ],
)
def test_a_file_that_is_none_of_apprises_is_refused(content: str, why: str) -> None:
    with pytest.raises(LookupError) as refused:
        parse("notify.yaml", lambda path: content)

    assert refused.value.args == (why,)


def test_what_looks_like_a_token_or_is_a_password_is_secret() -> None:
    secrets = parse("notify.yaml", lambda path: CONFIG).secrets

    wanted = {"T1JJ3T3L2", "TIiajkdnlazkcOXrIdevi7FQ", "hunter%2Fhunter", "hunter/hunter"}
    assert wanted | {"Ab12Cd34Ef"} <= secrets
    assert not {"Secret1Tag", "mail.example.com", "slack", "stars", "python"} & secrets


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("json://127.0.0.1:8080/hook", set()),
        ("json://localhost:8080/hooks", set()),
        ("tgram://123456789:AAHabc/12", {"123456789:AAHabc", "123456789", "AAHabc"}),
        ("ntfy://user:open@ntfy.sh/topic?token=Tk9x8y7z", {"open", "token=Tk9x8y7z", "Tk9x8y7z"}),
    ],
)
def test_hosts_ports_and_words_are_no_secrets(url: str, secrets: set[str]) -> None:
    assert {it for it in Notify(urls=url).secrets if it != "token"} == secrets
