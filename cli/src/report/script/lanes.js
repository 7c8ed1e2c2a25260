// Drawing of the lanes: one canvas each, with a bar per cell, or per sample where the zoom is close enough for it.

/** Width of a cell in pixels from which samples are drawn instead of cells. */
const SAMPLES_FROM_PIXELS = 3;
/** Number of blocks that may be decoded to draw the samples of a part of the timeline. */
const MAX_BLOCKS_IN_VIEW = 64;
/** Height of a bar for one instance, as a share of the lane. */
const ONE = 0.42;

const darkTheme = matchMedia("(prefers-color-scheme: dark)");
const printing = matchMedia("print");
const strips = new Map();

/** Returns the shades of a hue by confidence code. Higher confidence has more contrast. */
function shades(hue) {
  const isDark = darkTheme.matches && !printing.matches;
  const key = `${hue} ${isDark}`;
  if (!strips.has(key)) {
    const color = isDark ? `0.76 0.13 ${hue}` : `0.53 0.17 ${hue}`;
    const lowest = Math.min(state.lowest, 90);
    const strip = Array.from({ length: 103 }, (_, code) => {
      const share = code < 2 ? 0.4 : Math.max(code - 2 - lowest, 0) / (100 - lowest);
      return `oklch(${color} / ${(0.25 + 0.75 * share).toFixed(2)})`;
    });
    strips.set(key, strip);
  }
  return strips.get(key);
}

/** Returns the height of a bar for so many instances, as a share of the lane. */
function barHeight(instances) {
  if (instances <= 1 || state.mostInstances <= 1) return ONE;
  return ONE + (1 - ONE) * (Math.log2(instances) / Math.log2(state.mostInstances));
}

/** Returns the parts of a lane in a part of the video as [from, to, code, instances]. */
function bars(label, fromMs, toMs) {
  const lowest = lowestCode();
  const found = [];
  const loaded = drawsSamples() ? blocks.decodedRange(fromMs - MAX_GAP_MS, toMs + MAX_GAP_MS) : null;
  if (loaded && label.from === "samples") {
    let last = null;
    for (const groups of loaded) {
      const group = groups.get(label.index);
      if (!group) continue;
      for (let index = 0; index < group.times.length; index++) {
        const ms = group.times[index];
        if (last && ms - last[0] <= MAX_GAP_MS) last[1] = ms;
        const boxes = group.firstBox[index + 1] - group.firstBox[index];
        last = [ms, ms + (finestCellMs() ?? HOLD_MS), group.confidence[index], boxes];
        if (last[2] >= lowest) found.push(last);
      }
    }
  } else if (label.codes) {
    const { cellMs, codes, most } = label;
    const end = Math.min(Math.ceil(toMs / cellMs), codes.length);
    for (let cell = Math.floor(fromMs / cellMs); cell < end; cell++) {
      if (codes[cell] < lowest) continue;
      found.push([cell * cellMs, (cell + 1) * cellMs, codes[cell], most[cell]]);
    }
  }
  return found;
}

/** Returns the duration of the cells of the biggest labels. */
function finestCellMs() {
  return state.labels[0]?.cellMs ?? null;
}

/** True if the zoom is close enough to draw samples, once their blocks are decoded. */
function drawsSamples() {
  if (blocks.elements.length === 0 || !finestCellMs()) return false;
  const [first, last] = blocks.range(state.fromMs - MAX_GAP_MS, state.toMs + MAX_GAP_MS);
  const pixels = (finestCellMs() / (state.toMs - state.fromMs)) * laneBox().width;
  return last - first < MAX_BLOCKS_IN_VIEW && pixels >= SAMPLES_FROM_PIXELS;
}

/** Decodes the samples of the part that is shown, if they are drawn. */
async function loadVisible() {
  const { fromMs, toMs } = state;
  if (!drawsSamples() || blocks.decodedRange(fromMs - MAX_GAP_MS, toMs + MAX_GAP_MS)) return;
  await blocks.loadRange(fromMs - MAX_GAP_MS, toMs + MAX_GAP_MS);
  draw(drawLanes);
}

/** Returns the place of the lanes on the page: all of them have the same left and width. */
function laneBox() {
  return byId("axis").getBoundingClientRect();
}

/** Adapts a canvas to its size on the screen, and returns its context and size in pixels of the screen. */
function prepared(canvas) {
  const ratio = Math.max(devicePixelRatio, printing.matches ? 2 : 1);
  const width = Math.max(Math.round(canvas.clientWidth * ratio), 1);
  const height = Math.max(Math.round(canvas.clientHeight * ratio), 1);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  return { context, width, height, ratio };
}

/** True if a label has no cells, and samples are not drawn at this zoom. Its lane says nothing then. */
function isUndrawn(label) {
  return !label.codes && !drawsSamples();
}

/** Draws the lane of a label. In each column of pixels, the highest confidence and the most instances win. */
function drawLane(label) {
  if (!label.canvas?.isConnected) return;
  label.row.classList.toggle("undrawn", isUndrawn(label));
  const { context, width, height, ratio } = prepared(label.canvas);
  const codes = new Uint8Array(width);
  const heights = new Uint8Array(width);
  const scale = width / (state.toMs - state.fromMs);
  for (const [fromMs, toMs, code, instances] of bars(label, state.fromMs, state.toMs)) {
    if (toMs <= state.fromMs || fromMs >= state.toMs) continue;
    const from = Math.max(Math.round((fromMs - state.fromMs) * scale), 0);
    const to = Math.min(Math.max(Math.round((toMs - state.fromMs) * scale), from + Math.ceil(1.5 * ratio)), width);
    for (let x = from; x < to; x++) {
      codes[x] = Math.max(codes[x], code);
      heights[x] = Math.max(heights[x], Math.min(instances, 255));
    }
  }
  const colors = shades(label.hue);
  for (let x = 0; x < width; ) {
    let end = x + 1;
    while (end < width && codes[end] === codes[x] && heights[end] === heights[x]) end++;
    if (codes[x] > 0) {
      const bar = Math.round(height * barHeight(heights[x]));
      context.fillStyle = colors[codes[x]];
      context.fillRect(x, height - bar, end - x, bar);
    }
    x = end;
  }
}

/** Draws the lanes in sight, and all of them for print. */
function drawLanes() {
  for (const row of rows()) {
    const label = rowLabels.get(row);
    if (label.isInSight || printing.matches) drawLane(label);
  }
  drawOverview();
}

/** Distances of ticks that people count in, in milliseconds. */
const STEPS = [
  100,
  200,
  500,
  ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400].map((s) => s * 1000),
];

/** Width of the text of a tick. */
const TICK_PIXELS = 56;

function drawAxis() {
  const axis = byId("axis");
  const span = state.toMs - state.fromMs;
  const room = ((TICK_PIXELS + 16) / Math.max(axis.clientWidth, 1)) * span;
  const step = STEPS.find((candidate) => candidate >= room) ?? Math.ceil(room / 14_400_000) * 14_400_000;
  const ticks = [];
  for (let ms = Math.ceil(state.fromMs / step) * step; ms <= state.toMs; ms += step) {
    const share = (ms - state.fromMs) / span;
    // The text of a tick is at its right.
    if ((1 - share) * axis.clientWidth < TICK_PIXELS) break;
    const tick = element("span", "tick", tickClock(ms, step));
    tick.setAttribute("aria-hidden", "true");
    tick.style.left = `${100 * share}%`;
    ticks.push(tick);
  }
  axis.replaceChildren(axis.firstElementChild, ...ticks);
  byId("zoom-out").disabled = byId("zoom-all").disabled = span >= timelineMs;
  byId("zoom-in").disabled = span <= MIN_SPAN_MS;
}
