import pytest

from pipelines.redaction import redacted

SECRETS = ["pa55", "p@55", "p@5@5", "p/55", "p?55", "p#55", "p:55", "p%4055", "p@ss/w?r#d:1", "/@:?#", "ä§55"]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("user", ["me:", "", "me@firm.org:", ":"])
def test_no_password_is_shown_whatever_it_holds(user, secret):
    shown = redacted(f"error: no server answers at https://{user}{secret}@host.org:4200/api; start it")
    assert shown == "error: no server answers at https://host.org:4200/api; start it"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://bucket/store", "s3://bucket/store"),
        ("http://127.0.0.1:4200/api.", "http://127.0.0.1:4200/api."),
        ("http://[::1]:4200/api", "http://[::1]:4200/api"),
        ("https://h/p?X-Amz-Signature=abc&t=1#f", "https://h/p"),
        ("postgresql+asyncpg://u:p@db:5432/prefect", "postgresql+asyncpg://db:5432/prefect"),
        ("from 'https://a:b@h/x' to \"ssh://git@h/y\"", "from 'https://h/x' to \"ssh://h/y\""),
        ("file:///tmp/a", "file:///tmp/a"),
        (
            "no answer at http://me:pa55@h:4200; start it, or http://h:1, ...",
            "no answer at http://h:4200; start it, or http://h:1, ...",
        ),
        ("https://me:pa", "https://***"),
        ("https://me:pa;", "https://***"),
        ("no address: a@b, c:d", "no address: a@b, c:d"),
    ],
)
def test_what_is_no_secret_stays(text, shown):
    assert redacted(text) == shown
