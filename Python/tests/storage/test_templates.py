"""Templates."""

from __future__ import annotations

import jinja2
import pytest

from axolemma_host.templates import read_templates
from synapse.config._base import ConfigError


def test_the_first_directory_that_has_it_counts(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for directory in (first, second):
        directory.mkdir()
        (directory / "both.txt").write_text(directory.name)
    (second / "one.txt").write_text("one of {{ server_name }}")
    templates = read_templates(["both.txt", "one.txt"], [None, str(first), str(second)], server_name="example.org")
    assert [template.render() for template in templates] == ["first", "one of example.org"]


def test_html_is_escaped_and_text_is_not(tmp_path):
    for name in ("a.html", "a.htm", "a.xml", "a.txt"):
        (tmp_path / name).write_text("{{ value }}")
    rendered = [t.render(value="<&>") for t in read_templates(["a.html", "a.htm", "a.xml", "a.txt"], [str(tmp_path)])]
    assert rendered == ["&lt;&amp;&gt;"] * 3 + ["<&>"]


def test_filters(tmp_path):
    (tmp_path / "f.txt").write_text(
        '{{ 86400000|format_ts("%Y") }} {{ mxc|mxc_to_http(32, 16) }} {{ "x"|mxc_to_http(1, 1) }}'
    )
    (template,) = read_templates(["f.txt"], [str(tmp_path)], public_baseurl="https://example.org/")
    assert template.render(mxc="mxc://s/m#f") == (
        "1970 https://example.org/_matrix/media/v1/thumbnail/s/m?width=32&height=16&method=crop#f "
    )


def test_a_directory_that_is_missing_is_a_mistake_in_the_configuration(tmp_path):
    with pytest.raises(ConfigError, match="nowhere"):
        read_templates(["a.html"], [str(tmp_path / "nowhere")])
    with pytest.raises(jinja2.TemplateNotFound):
        read_templates(["a.html"], [str(tmp_path)])


def test_our_own_templates_can_all_be_read():
    names = ["notice_expiry.html", "notice_expiry.txt", "account_renewed.html", "account_previously_renewed.html"]
    for template in read_templates([*names, "invalid_token.html"]):
        assert template.render(expiration_ts=0, display_name="x", url="y")
