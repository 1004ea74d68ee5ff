"""Every page in headless Chromium, at the width of a desk and of a telephone."""

import html
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from host.commands.evaluate import document as evaluate_document
from host.commands.evaluate import page as evaluate_page
from host.commands.explain.page import render_html as explain_page
from host.commands.profile.page import render_html as profile_page
from host.commands.study.document import document as study_document
from host.commands.study.page import render_html as study_page
from host.commands.trace.page import render_html as trace_page
from tests.fixtures.evaluations import evaluation
from tests.fixtures.explanations import explanation
from tests.fixtures.inside import deployed, profile, trace
from tests.fixtures.studies import study

CHROMIUM = shutil.which("chromium")
WIDTHS = (1280, 400)
STUDIED = {"float": [3, 4, 2], "qat-int8": [6, 7, 5], "ptq-int8": [3, 5, 2]}
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
# Shows each page in a frame of each width, and writes down how wide the page then is.
FRAMES = """<!doctype html><body><script>
const widths = {};
addEventListener("load", () => {
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument.documentElement;
    widths[frame.title] = [page.clientWidth, page.scrollWidth];
  }
  document.body.replaceChildren(JSON.stringify(widths));
});
</script>%s</body>"""


def pages(folder: Path) -> Mapping[str, str]:
    run, studied = evaluation(folder, differing=20), study(folder, STUDIED)
    regression = evaluation(folder, task="regression", differing=3, classes=3)
    return {
        "evaluate": evaluate_page.render_html(run, evaluate_document.document(run)),
        "regression": evaluate_page.render_html(regression, evaluate_document.document(regression)),
        "explain": explain_page(explanation(folder)),
        "profile": profile_page(profile(run), deployed(run)),
        "trace": trace_page(trace(run, wrong=3), run.device.info.tick_unit),
        "study": study_page(studied, study_document(studied)),
    }


@pytest.fixture(scope="module")
def browsed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Mapping[str, list[int]], str]:
    """What a page is wide and what it scrolls over, by page and width; and the browser's log."""
    folder = tmp_path_factory.mktemp("pages")
    frames = []
    for name, page in pages(folder).items():
        (folder / f"{name}.html").write_text(page)
        frames += [
            f'<iframe title="{name} {width}" width="{width}" height="800" src="{name}.html">'
            "</iframe>"
            for width in WIDTHS
        ]
    (folder / "all.html").write_text(FRAMES % "".join(frames))
    assert CHROMIUM is not None
    done = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *("--allow-file-access-from-files", "--enable-logging=stderr", "--dump-dom"),
            *(f"--user-data-dir={folder / 'profile'}", (folder / "all.html").as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = re.search(r"\{.*\}", html.unescape(done.stdout))
    assert found is not None, done.stdout
    return json.loads(found[0]), done.stderr


def test_no_page_scrolls_sideways(browsed: tuple[Mapping[str, list[int]], str]) -> None:
    widths, _ = browsed
    assert len(widths) == 6 * len(WIDTHS)
    for name, (shown, scrolled) in widths.items():
        assert shown == int(name.split()[1])
        assert scrolled <= shown, name


def test_the_console_is_silent(browsed: tuple[Mapping[str, list[int]], str]) -> None:
    assert "CONSOLE" not in browsed[1]
