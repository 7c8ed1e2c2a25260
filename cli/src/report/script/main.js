// Start of the page.

/** Draws everything that depends on the threshold. */
function thresholdChanged() {
  byId("threshold-text").textContent = isFiltered() ? `≥ ${state.threshold} %` : "any";
  byId("threshold").setAttribute("aria-valuetext", isFiltered() ? `${state.threshold} percent or more` : "any");
  applyThreshold();
  updateOverview();
  drawnBoxes = "";
  draw(drawRows, drawNow);
}

function startControls() {
  const threshold = byId("threshold");
  threshold.min = threshold.value = String(state.lowest);
  state.threshold = state.lowest;
  threshold.addEventListener("input", () => {
    state.threshold = Number(threshold.value);
    thresholdChanged();
  });
  byId("search").addEventListener("input", (event) => {
    state.query = event.target.value;
    draw(drawRows);
  });
  byId("sort").addEventListener("change", (event) => {
    state.sort = event.target.value;
    draw(drawRows);
  });
  byId("show-all").addEventListener("click", () => {
    state.all = !state.all;
    draw(drawRows);
  });
}

/** Redraws when the size or the colors of the page change. */
function followWindow() {
  new ResizeObserver(() => draw(drawLanes, drawAxis, drawPlayhead)).observe(byId("rows"));
  darkTheme.addEventListener("change", () => draw(drawLanes));
  printing.addEventListener("change", () => {
    drawLanes();
    drawAxis();
  });
  addEventListener("scroll", () => {
    byId("tooltip").hidden = true;
  });
}

/** Returns the time of the first sample with a box, or null. */
async function firstBoxMs() {
  return neighbor(-1, 1, (_label, _code, boxes) => boxes > 0);
}

async function start() {
  drawHeader();
  state.labels = await readLabels();
  if (drawMessage()) {
    document.documentElement.dataset.ready = "";
    return;
  }
  assignHues(state.labels);
  const codes = state.labels.flatMap((label) => [...(label.codes ?? [])].filter((code) => code >= 2));
  state.lowest = codes.reduce((lowest, code) => Math.min(lowest, code - 2), 95);
  state.lowest -= state.lowest % 5;
  const most = state.labels.map((label) => label.most?.reduce((a, b) => Math.max(a, b), 1) ?? 1);
  state.mostInstances = Math.max(...most);
  if (document.readyState === "loading") await new Promise((done) => addEventListener("DOMContentLoaded", done));
  blocks.find();
  byId("main").hidden = false;
  startControls();
  startPlayer();
  startPointer();
  startKeys();
  followWindow();
  drawThumbnails();
  thresholdChanged();
  show(0, timelineMs);
  seek((await firstBoxMs()) ?? state.labels[0].firstMs ?? 0);
  document.documentElement.dataset.ready = "";
}

start();
