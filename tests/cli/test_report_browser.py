"""The page of a report in a real browser: what is seen, filtered, sorted and printed, by mouse and keyboard."""

from __future__ import annotations

import contextlib
import re

import pytest

from trioshadow import Capture
from trioshadow.archive import summarize
from trioshadow.cli.report.page import write_page
from trioshadow.evidence import Objective

from tests.support.archives import record, shadowed, written
from tests.support.browser import chromium
from tests.support.counting import Process

EVIL = "<script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">"
WIDTHS = (400, 1400)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


def page_of(archive):
    target = archive.with_suffix(".html")
    write_page(summarize(archive, objective=Objective(), course=True), target)
    return target


@pytest.fixture(scope="module")
def rejected(tmp_path_factory):
    """Two operations; one differs in a price, by noise, and in a text that is markup."""
    archive = tmp_path_factory.mktemp("rejected") / "shadow.jsonl"

    def old(number):
        return {"price": number, "node": number % 3, "name": "plain"}

    def new(number):
        changed = {"price": number + 1} if number % 4 == 0 else {"name": EVIL} if number % 10 == 1 else {}
        return {**old(number), "node": number % 2, **changed}

    def copy(number):
        return {**old(number), "node": number % 5}

    operations = ("GET /orders/{id}", "GET /users/{id}")
    shadowed(archive, 400, old, new, copy, operations=operations, candidate=f"shop {EVIL}", capture=Capture())
    return page_of(archive)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Ten thousand differences, each in a field of its own."""
    archive = tmp_path_factory.mktemp("many") / "shadow.jsonl"
    records = [record(b"key-%d" % n, old={f"f{n}": "old"}, new={f"f{n}": "new"}, epoch="e") for n in range(10_000)]
    written(archive, *records, max_segment_bytes=1 << 28, max_total_bytes=1 << 30, compress=False)
    return page_of(archive)


@pytest.fixture(scope="module")
def over_time(tmp_path_factory):
    """Two hours, of which the second is much worse, and names that are long."""
    archive = tmp_path_factory.mktemp("over-time") / "shadow.jsonl"
    process = Process(archive, "s1")
    for minute in range(121):
        process.go(
            1, calls=20, wrong=6 * (minute > 60), operation=f"GET /{'orders/' * 20}{{id}}", field=f"$.{'a' * 90}"
        )
    return page_of(archive)


@contextlib.contextmanager
def opened(browser, page, *, width=1400, **context):
    """The page, open; in the end it must have asked for nothing, logged nothing, and be no wider than its window."""
    tab = browser.new_page(viewport={"width": width, "height": 900}, **context)
    tab.set_default_timeout(10_000)
    asked, said = [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    try:
        tab.goto(page.as_uri())
        yield tab
        assert asked == [page.as_uri()]
        assert said == []
        assert tab.evaluate("document.documentElement.scrollWidth") == width
    finally:
        tab.close()


def shown(tab, selector):
    return [text.strip() for text in tab.locator(f"{selector}:visible").all_inner_texts()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, *WIDTHS])
def test_the_figures_over_time_are_within_the_window_and_can_be_told_from_what_is_behind(
    browser, over_time, width, scheme
):
    with opened(browser, over_time, width=width, color_scheme=scheme) as tab:
        figures = tab.locator("section:has(#over-time) figure")
        assert figures.count() == 2
        for figure in figures.all():
            box = figure.bounding_box()
            assert 0 <= box["x"] <= width - box["width"]
            assert figure.locator("figcaption").inner_text().endswith("last hour: much worse")
            assert figure.get_by_role("img").get_attribute("aria-label").startswith("GET /orders/")
        drawn = {}
        for name in ("path.shadow", "path.primary", "path.limit"):
            path = figures.first.locator(name)
            assert path.evaluate("one => getComputedStyle(one).fill") == "none"
            drawn[name] = path.evaluate("one => getComputedStyle(one).stroke")
        behind = tab.locator("body").evaluate("one => getComputedStyle(one).backgroundColor")
        assert len({behind, *drawn.values()}) == 4
        words = figures.first.locator("text").evaluate_all(
            "all => all.map((one) => [one.getBBox().x, one.getBBox().x + one.getBBox().width])"
        )
        assert all(0 <= begin < end <= 340 for begin, end in words)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_decision_and_its_reasons_are_seen_without_scrolling(browser, rejected, width):
    with opened(browser, rejected, width=width) as tab:
        for text in ("REJECT", "It does not meet what was asked.", "$.price differs for 50.00%"):
            box = tab.get_by_text(text).first.bounding_box()
            assert 0 <= box["y"] < 900 - box["height"]
            assert 0 <= box["x"] <= width - box["width"]


def test_what_comes_from_traffic_is_text(browser, rejected):
    with opened(browser, rejected) as tab:
        tab.locator("#open").click()
        for whole in tab.locator("details.whole > summary").all():
            whole.click()
        assert tab.title() == f"REJECT: shop {EVIL}"
        assert tab.locator("h1").inner_text() == f"shop {EVIL}"
        assert tab.locator("ins", has_text="document.title").count() >= 1
        assert tab.locator("img").count() == 0
        assert tab.locator("script").count() == 1


def test_the_policy_of_the_page_refuses_a_script_that_got_in_all_the_same(browser, rejected):
    tab = browser.new_page()
    said = []
    tab.on("console", lambda message: said.append(message.text))
    broken = rejected.with_name("broken.html")
    broken.write_text(rejected.read_text(encoding="utf-8").replace("<main>", f"<main>{EVIL}"), encoding="utf-8")
    tab.goto(broken.as_uri())
    assert "owned" not in tab.title().removeprefix(f"REJECT: shop {EVIL}")
    assert any("Content Security Policy" in text for text in said)
    tab.close()


def test_words_and_a_state_filter_operations_fields_and_differences(browser, rejected):
    with opened(browser, rejected) as tab:
        everything = shown(tab, "#list > details > summary")
        assert len(everything) == 4
        tab.fill("#filter", "$.PRICE orders")
        tab.locator("#found", has_text="1 of 4 differences").wait_for()
        assert len(shown(tab, "#list > details > summary")) == 1
        assert shown(tab, "section:has(#fields) tbody th") == ["$.price"]
        tab.select_option("#state", "regressed")
        assert shown(tab, "#list > details > summary") == []
        tab.keyboard.press("Escape")  # the select has the focus no more, and yet it clears
        tab.locator("body").press("Escape")
        assert shown(tab, "#list > details > summary") == everything
        assert tab.locator("#found").inner_text() == ""
        tab.fill("#filter", "nothing has this")
        tab.locator("#found", has_text="0 of 4 differences").wait_for()


def test_each_column_sorts_both_ways_and_says_so(browser, rejected):
    with opened(browser, rejected) as tab:
        table = tab.locator("section:has(#fields) table")
        for name, rising in (("Field", True), ("Calls", False), ("Noise", False)):
            head = table.locator("thead th", has=tab.get_by_role("button", name=name, exact=True))
            column = head.evaluate("cell => cell.cellIndex")

            def values(column=column, name=name):
                cells = table.locator(f"tbody tr > :nth-child({column + 1})").all()
                texts = [cell.get_attribute("data-value") or cell.inner_text().lower() for cell in cells]
                return texts if name == "Field" else [float(text) for text in texts]

            head.locator("button").click()
            assert values() == sorted(values(), reverse=not rising)
            first = head.get_attribute("aria-sort")
            head.locator("button").click()
            assert values() == sorted(values(), reverse=rising)
            assert {first, head.get_attribute("aria-sort")} == {"ascending", "descending"}
            assert table.locator("thead th[aria-sort]").count() == 1


def test_differences_are_ordered_as_one_likes(browser, rejected):
    with opened(browser, rejected) as tab:
        tab.select_option("#order", "operation")
        operations = shown(tab, "#list .operation")
        assert operations == sorted(operations)
        tab.select_option("#order", "calls")
        counts = [int(re.match(r"[\d,]+", text)[0].replace(",", "")) for text in shown(tab, "#list .count")]
        explained = tab.locator("#list > details").evaluate_all("all => all.map(one => one.dataset.explained)")
        assert list(zip(explained, counts, strict=True)) == sorted(
            zip(explained, counts, strict=True), key=lambda pair: (pair[0], -pair[1])
        )
        assert explained[-1] == "1"


def test_the_keyboard_is_enough(browser, rejected):
    def focused(tab):
        return tab.evaluate("document.activeElement.textContent")

    with opened(browser, rejected) as tab:
        summaries = tab.locator("#list > details > summary")
        tab.keyboard.press("j")
        assert focused(tab) == summaries.nth(0).text_content()
        for _ in range(9):
            tab.keyboard.press("j")
        assert focused(tab) == summaries.nth(3).text_content()
        tab.keyboard.press("k")
        assert focused(tab) == summaries.nth(2).text_content()
        before = tab.locator("#list > details").nth(2).evaluate("one => one.open")
        tab.keyboard.press("Enter")
        assert tab.locator("#list > details").nth(2).evaluate("one => one.open") is not before
        tab.keyboard.press("/")
        tab.keyboard.type("j/k")  # these are letters now
        assert tab.locator("#filter").input_value() == "j/k"
        tab.keyboard.press("Escape")
        assert tab.locator("#filter").input_value() == ""
        assert tab.evaluate("document.activeElement === document.body")


def test_every_control_can_be_reached_with_tab_and_has_a_name(browser, rejected):
    with opened(browser, rejected) as tab:
        names = []
        for _ in range(120):
            tab.keyboard.press("Tab")
            told = tab.evaluate("""() => {
                const on = document.activeElement, outline = getComputedStyle(on).outlineStyle;
                return [on.id || on.textContent.trim().slice(0, 40), outline, on.tagName];
            }""")
            if told[2] == "BODY":
                break
            names.append(told[0])
            assert told[1] != "none", told
        assert {"filter", "state", "open", "theme", "order", "Operation", "Noise"} <= set(names)
        assert tab.locator("button:not(:has-text(''))").count() == 0
        for control in tab.locator("input, select").all():
            assert control.evaluate("one => one.labels.length") == 1


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast_in_light_and_in_dark(browser, rejected, scheme, width):
    """WCAG 2.2 asks for 4.5 to 1; the colours are those that the browser computed."""
    with opened(browser, rejected, width=width, color_scheme=scheme) as tab:
        tab.locator("#open").click()
        worst = tab.evaluate(CONTRAST)
        assert worst[0] >= 4.5, worst


#: The text with the least contrast to what is behind it: [ratio, text, colours].
CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgb = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = rgb(getComputedStyle(one).backgroundColor);
      if (color[3] === 255) return color;
    }
    return rgb("canvas");
  };
  let worst = [99, "", ""];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || element.closest("script, svg, option") || !element.checkVisibility()) continue;
    const [text, back] = [rgb(getComputedStyle(element).color), behind(element)];
    const [a, b] = [light(text), light(back)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < worst[0]) worst = [ratio, node.textContent.trim().slice(0, 40), `${text} on ${back}`];
  }
  return worst;
}"""


def test_the_theme_can_be_turned(browser, rejected):
    with opened(browser, rejected, color_scheme="dark") as tab:

        def back():
            return tab.evaluate("getComputedStyle(document.body).backgroundColor")

        dark = back()
        tab.click("#theme")
        light = back()
        assert light != dark
        tab.click("#theme")
        assert back() == dark


def test_sides_stand_side_by_side_and_on_a_narrow_screen_one_above_the_other(browser, rejected):
    for width, beside in ((1400, True), (400, False)):
        with opened(browser, rejected, width=width) as tab:
            old, new = (tab.locator(f"#list .side.{side}:visible").first.bounding_box() for side in ("old", "new"))
            assert (old["y"] == new["y"]) is beside
            assert (old["x"] == new["x"]) is not beside


def test_in_print_everything_is_open_and_the_tools_are_gone(browser, rejected):
    with opened(browser, rejected) as tab:
        tab.emulate_media(media="print")
        tab.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert tab.locator("#list > details:not([open])").count() == 0
        assert tab.locator(".tools").is_hidden()
        assert tab.locator("details.whole[open]").count() == 0
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        tab.evaluate("dispatchEvent(new Event('afterprint'))")
        assert tab.locator("#list > details:not([open])").count() == 1
        assert tab.pdf().startswith(b"%PDF")


def test_it_is_whole_without_javascript(browser, rejected):
    with opened(browser, rejected, java_script_enabled=False) as tab:
        assert tab.get_by_text("REJECT").first.is_visible()
        assert tab.locator(".tools").is_hidden()
        assert tab.locator("#list > details").count() == 4


def test_ten_thousand_differences_can_be_scrolled_filtered_and_ordered(browser, many):
    with opened(browser, many) as tab:
        last = tab.locator("#list > details").nth(9_999)
        last.scroll_into_view_if_needed()
        box = last.bounding_box()
        assert 0 <= box["y"] < 900
        assert "$.f9999" in last.inner_text()
        tab.keyboard.press("k")  # it begins at the end
        assert "$.f9999" in tab.evaluate("document.activeElement.textContent")
        tab.fill("#filter", "$.f777 ")
        tab.locator("#found", has_text="11 of 10,000 differences").wait_for()
        assert len(shown(tab, "#list > details")) == 11
        tab.locator("body").press("Escape")
        tab.select_option("#order", "operation")
        assert tab.locator("#list > details:visible").count() == 10_000
