// The rows of the labels: which of them are shown, in which order, and their text.

/** Number of lanes that are shown at first. */
const FIRST_LANES = 60;

/** Gives each category a hue, the biggest category first. Neighbors are far apart on the color wheel. */
function assignHues(labels) {
  const hues = [255, 305, 15, 85, 145, 205, 280, 345, 50, 120, 175, 235, 325, 30, 65, 100, 160, 190, 220, 270];
  const categories = [...new Set(labels.map((label) => label.category))];
  for (const label of labels) label.hue = hues[categories.indexOf(label.category) % hues.length];
}

const ORDERS = {
  time: (a, b) => b.seenMs - a.seenMs,
  first: (a, b) => (a.seenFirstMs ?? Infinity) - (b.seenFirstMs ?? Infinity) || b.seenMs - a.seenMs,
  name: (a, b) => a.shown.localeCompare(b.shown, "en"),
};

/** Returns the labels that match the search, with names that match before other matches. */
function matching() {
  const query = searchable(state.query.trim());
  if (!query) return state.labels;
  return state.labels.filter((label) => label.searched.some((text) => text.includes(query)));
}

/** Returns labels by category. The category of the first label is first. */
function grouped(labels) {
  const groups = new Map();
  for (const label of labels) {
    if (!groups.has(label.category)) groups.set(label.category, []);
    groups.get(label.category).push(label);
  }
  return groups;
}

/** Returns the text of a lane for screen readers. */
function summary(label) {
  const about = label.approximate ? "about " : "";
  const parts = [];
  if (label.seenFirstMs !== null) parts.push(`seen from ${clock(label.seenFirstMs)} to ${clock(label.seenLastMs)}`);
  if (label.parts > 0) parts.push(`in ${about}${count(label.parts, "part")} of the video`);
  if (label.maxConfidence !== null) parts.push(`highest confidence ${Math.floor(label.maxConfidence)} %`);
  if (label.samples !== null) parts.push(count(label.samples, "sample"));
  if (label.segments !== null) parts.push(count(label.segments, "segment"));
  if (label.instances) parts.push(count(label.instances, "instance"));
  return parts.join(", ");
}

/** Returns the row of a label, which is made once. */
function rowOf(label) {
  if (label.row) return label.row;
  const row = element("div", "row label");
  row.setAttribute("role", "row");
  row.tabIndex = -1;
  row.dataset.label = label.index;
  const cell = (role, className, ...content) => {
    const made = element("div", className);
    made.setAttribute("role", role);
    made.append(...content);
    row.append(made);
    return made;
  };
  const name = cell("rowheader", "name", isolated(label.shown));
  name.title = [label.shown, ...label.parents.map((parent) => `in ${parent}`)].join(" · ");
  if (label.name === null) name.classList.add("nameless");
  cell("gridcell", "number");
  const text = element("span", "unseen");
  if (label.codes || blocks.elements.length > 0) {
    label.canvas = element("canvas");
    label.canvas.setAttribute("aria-hidden", "true");
    cell("gridcell", "lane", label.canvas, text);
  } else {
    cell("gridcell", "lane", text);
  }
  cell("gridcell", "first");
  label.row = row;
  rowLabels.set(row, label);
  visibleRows.observe(row);
  return row;
}

const rowLabels = new WeakMap();

/** Draws the lanes of rows that come into sight. */
const visibleRows = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      const label = rowLabels.get(target);
      label.isInSight = isIntersecting;
      if (isIntersecting) drawLane(label);
    }
  },
  { rootMargin: "300px 0px" },
);

function updateRow(label) {
  const [, number, lane, first] = label.row.children;
  number.textContent = `${label.approximate ? "≈ " : ""}${clock(label.seenMs)}`;
  lane.querySelector(".unseen").textContent = summary(label);
  first.textContent = label.seenFirstMs === null ? "–" : clock(label.seenFirstMs);
}

/** Shows the rows that match the search and the threshold, in order. */
function drawRows() {
  const matches = matching();
  const seen = matches.filter((label) => label.isSeen);
  const isSearch = state.query.trim() !== "";
  // The list has the biggest labels first.
  const shown = (state.all || isSearch ? seen : seen.slice(0, FIRST_LANES)).toSorted(ORDERS[state.sort]);
  const groups = [];
  for (const [category, labels] of grouped(shown)) {
    const group = element("div", "group");
    group.setAttribute("role", "rowgroup");
    const heading = element("div", "category");
    heading.setAttribute("role", "row");
    const title = element("div");
    title.setAttribute("role", "rowheader");
    title.setAttribute("aria-colspan", "4");
    title.append(isolated(category));
    heading.append(title);
    group.append(heading);
    for (const label of labels) {
      group.append(rowOf(label));
      updateRow(label);
    }
    groups.push(group);
  }
  const lanes = byId("rows");
  const focused = document.activeElement;
  lanes.replaceChildren(lanes.firstElementChild, ...groups);
  if (focused?.classList.contains("label") && focused.isConnected) focused.focus();
  keepOneTabStop();
  drawCount(matches, seen, shown, isSearch);
  draw(drawLanes, drawPlayhead);
}

/** Returns the rows of labels in their order on the page. */
function rows() {
  return [...byId("rows").querySelectorAll(".row.label")];
}

/** Keeps exactly one row in the order of the Tab key. */
function keepOneTabStop() {
  const all = rows();
  const stop = all.find((row) => row === document.activeElement) ?? all.find((row) => row.tabIndex === 0) ?? all[0];
  for (const row of all) row.tabIndex = row === stop ? 0 : -1;
}

function drawCount(matches, seen, shown, isSearch) {
  const below = matches.length - seen.length;
  const texts = [`${INTEGER.format(shown.length)} of ${count(matches.length, isSearch ? "matching label" : "label")}`];
  if (below > 0) texts.push(`${INTEGER.format(below)} below ${state.threshold} % confidence`);
  byId("count").textContent = texts.join(" · ");

  const button = byId("show-all");
  button.hidden = isSearch || seen.length <= FIRST_LANES;
  button.textContent = state.all ? `Show the ${FIRST_LANES} biggest labels` : `Show all ${count(seen.length, "label")}`;

  const absent = byId("absent");
  absent.hidden = shown.length > 0;
  if (absent.hidden) return;
  const threshold = `with a confidence of ${state.threshold} % or more`;
  if (!isSearch) {
    absent.replaceChildren(`No label is detected ${threshold}.`);
  } else if (matches.length > 0) {
    absent.replaceChildren(isolated(state.query.trim()), ` is not detected ${threshold}, but with a lower one.`);
  } else {
    absent.replaceChildren(isolated(state.query.trim()), " is not detected in this video.");
  }
  announce(absent.textContent);
}
