"""Reads a WebVTT file with the parser of Chromium, as a page with a `<track>` does."""

import html
import json
import os
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

# The page loads the track from a blob, because a file may not load another file.
PAGE = """<!doctype html>
<meta charset="utf-8">
<video></video>
<pre></pre>
<script>
const track = document.createElement("track");
track.src = URL.createObjectURL(new Blob([{text}], {{ type: "text/vtt" }}));
const fields = (cue) => [cue.startTime, cue.endTime, cue.getCueAsHTML().textContent];
track.onload = () => {{
    document.querySelector("pre").textContent = JSON.stringify([...track.track.cues].map(fields));
}};
document.querySelector("video").append(track);
track.track.mode = "hidden";
</script>
"""


def cues(directory: Path, file: Path) -> list[tuple[int, int, str]]:
    """Returns start and end in milliseconds and the text of each cue. `directory` has Chromium and its libraries."""
    # In JSON, `<` occurs in strings only.
    text = json.dumps(file.read_text(encoding="utf-8")).replace("<", "\\u003c")
    with TemporaryDirectory(prefix="label-lake-chromium-") as profile:
        page = Path(profile) / "page.html"
        page.write_text(PAGE.format(text=text), encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=60000"]
        dumped = subprocess.run(
            [
                directory / "usr/lib/chromium/chromium",
                *options,
                f"--user-data-dir={profile}/user",
                "--dump-dom",
                page.as_uri(),
            ],
            capture_output=True,
            check=True,
            timeout=120,
            env={**os.environ, "LD_LIBRARY_PATH": str(directory / "usr/lib/x86_64-linux-gnu")},
        )
    found = re.search("<pre>(.+)</pre>", dumped.stdout.decode())
    assert found, dumped.stderr.decode()
    return [(round(1000 * start), round(1000 * end), text) for start, end, text in json.loads(html.unescape(found[1]))]
