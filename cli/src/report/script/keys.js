// The keyboard: one lane has the focus, and arrow keys move between lanes and samples.

function startKeys() {
  addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || byId("keys").open) return;
    const target = event.target;
    if (target.matches("input:not([type=range]):not([type=radio])")) {
      if (event.key === "Escape") target.blur();
      return;
    }
    const isLane = target.closest("#rows .label") !== null;
    const action = (isLane && laneAction(event)) || (!target.matches("input") && pageAction(event));
    if (!action) return;
    event.preventDefault();
    action();
  });
  byId("rows").addEventListener("focusin", (event) => {
    const label = rowLabels.get(event.target);
    if (!label) return;
    emphasize(label);
    keepOneTabStop();
  });
  byId("rows").addEventListener("focusout", () => {
    emphasize(null);
    byId("tooltip").hidden = true;
  });
  byId("help").addEventListener("click", () => byId("keys").showModal());
}

/** Returns what a key does in the whole page. */
function pageAction({ key, shiftKey, target }) {
  if (shiftKey && key === "ArrowLeft") return () => pan(-0.5);
  if (shiftKey && key === "ArrowRight") return () => pan(0.5);
  switch (key) {
    case " ":
      return target.matches("button, a") ? null : togglePlay;
    case "?":
      return () => byId("keys").showModal();
    case "/":
      return () => byId("search").focus();
    case "+":
    case "=":
      return () => zoom(0.5, zoomCenter());
    case "-":
      return () => zoom(2, zoomCenter());
    case "0":
      return () => show(0, timelineMs);
    case ",":
      return () => step(-1);
    case ".":
      return () => step(1);
    default:
      return null;
  }
}

/** Returns what a key does in a lane. */
function laneAction({ key, shiftKey, target }) {
  if (shiftKey) return null;
  const label = rowLabels.get(target);
  switch (key) {
    case "ArrowUp":
      return () => moveFocus(target, -1);
    case "ArrowDown":
      return () => moveFocus(target, 1);
    case "PageUp":
      return () => moveFocus(target, -10);
    case "PageDown":
      return () => moveFocus(target, 10);
    case "ArrowLeft":
      return () => stepLabel(label, state.timeMs, -1);
    case "ArrowRight":
      return () => stepLabel(label, state.timeMs, 1);
    case "Home":
      return () => stepLabel(label, -1, 1);
    case "End":
      return () => stepLabel(label, timelineMs + 1, -1);
    default:
      return null;
  }
}

function moveFocus(row, by) {
  const all = rows();
  focusRow(all[Math.min(Math.max(all.indexOf(row) + by, 0), all.length - 1)], {});
}

function focusRow(row, options) {
  row.focus(options);
  keepOneTabStop();
}

/** Selects the previous (-1) or next (1) sample of a label, or the start of a part where there are no samples. */
async function stepLabel(label, fromMs, direction) {
  const lowest = lowestCode();
  const isWanted = (index, code) => index === label.index && code >= lowest;
  const ms =
    label.from === "samples" ? await neighbor(fromMs, direction, isWanted) : neighborPart(label, fromMs, direction);
  if (ms === null) {
    announce(`No ${direction > 0 ? "later" : "earlier"} sample of ${label.shown}`);
    return;
  }
  seek(ms);
  reveal(ms);
  const loaded = await blocks.loadRange(ms - MAX_GAP_MS, ms + MAX_GAP_MS);
  const sample = sampleAt(loaded, label.index, ms);
  const text = tooltipText(label, ms, false, sample);
  announce(text.join(", "));
  const { left, width } = laneBox();
  const share = (ms - state.fromMs) / (state.toMs - state.fromMs);
  const { bottom } = label.row.getBoundingClientRect();
  if (document.activeElement === label.row) placeTooltip(text, left + share * width, bottom - 16);
}

/** Returns the start of the next (1) or previous (-1) part of a lane, or null. */
function neighborPart(label, fromMs, direction) {
  if (!label.codes) return null;
  const starts = bars(label, 0, timelineMs)
    .filter(([from], index, all) => all[index - 1]?.[1] !== from)
    .map(([from]) => from);
  return (direction > 0 ? starts.find((ms) => ms > fromMs) : starts.findLast((ms) => ms < fromMs)) ?? null;
}
