"""The page in headless Chromium (Debian's package ``chromium``), where there is one."""

import html
import shutil
import subprocess

import pytest

pytest.importorskip("matplotlib")  # the extra [plot]
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"]
QUIET += ["--no-first-run", "--disable-background-networking", "--disable-sync"]
QUIET += ["--disable-component-update", "--enable-logging=stderr"]
# a frame as wide as the screen, and what it holds as it was laid out
FRAME = """\
<!DOCTYPE html><meta charset="utf-8"><title>waiting</title>
<iframe width="{width}" height="800" srcdoc="{page}"></iframe>
<script>
document.querySelector("iframe").onload = function () {{
  const page = this.contentDocument;
  const images = [...page.images];
  document.title = [
    page.documentElement.scrollWidth,
    images.length,
    images.filter(image => image.complete && image.naturalWidth > 0).length,
  ].join(" ");
}};
</script>
"""


@pytest.mark.parametrize("width", [360, 1280])
def test_it_opens_without_errors_and_is_no_wider_than_the_screen(
    page, page_file, tmp_path, width
):
    wrapper = tmp_path / "frame.html"
    source = html.escape(page_file.read_text(encoding="utf-8"))
    wrapper.write_text(FRAME.format(width=width, page=source), encoding="utf-8")
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    result = subprocess.run(
        [CHROMIUM, *QUIET, profile, "--dump-dom", wrapper.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert "CONSOLE" not in result.stderr
    title = result.stdout.split("<title>")[1].split("</title>")[0]
    wide, images, complete = map(int, title.split())
    assert wide <= width, "the page scrolls sideways"
    assert images == complete == len(page.all("img"))
