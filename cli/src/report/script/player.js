// The picture: the video if there is one, else an empty frame, with the boxes of the selected time over it.

/** The video element, or null if there is no video or it cannot be played. */
let video = null;
/** Time at which an empty frame began to play, and the time of the video that it began at. */
let playedFrom = null;
/** Boxes on the stage by the labels and times of their samples, to draw them only when they change. */
let drawnBoxes = "";

/** Times of samples are those of their frames, rounded to milliseconds. A millisecond later, it is always their frame. */
const ROUNDING_MS = 1;

function startPlayer() {
  const stage = byId("stage");
  setAspect(job.frameWidth, job.frameHeight);
  const boxes = element("div", "boxes");
  stage.append(boxes);
  byId("end").textContent = `/ ${clock(timelineMs)}`;
  if (report.video) startVideo(stage, boxes);
  else stage.classList.add("empty");
  byId("play").addEventListener("click", togglePlay);
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
}

function setAspect(width, height) {
  const ratio = width && height ? width / height : 16 / 9;
  byId("stage").style.aspectRatio = String(ratio);
  byId("stage").style.setProperty("--ratio", String(ratio));
}

function startVideo(stage, boxes) {
  const made = element("video");
  made.src = report.video.src;
  made.preload = "auto";
  made.playsInline = true;
  made.tabIndex = -1;
  made.addEventListener("loadedmetadata", () => setAspect(made.videoWidth, made.videoHeight));
  made.addEventListener("error", () => {
    video = null;
    made.remove();
    stage.classList.add("empty");
    const { expiresAtMs, src, presigned } = report.video;
    const name = presigned ? "its URL" : decodeURIComponent(src);
    byId("video-error").textContent =
      expiresAtMs !== null && Date.now() > expiresAtMs
        ? `The video cannot be played: its URL expired at ${utc(expiresAtMs)}. Make the report again.`
        : `The video cannot be played: ${name} was not found, or has a format that this browser does not support. ` +
          "Boxes are drawn on an empty frame.";
    byId("video-error").hidden = false;
    setPlaying(false);
  });
  for (const event of ["play", "pause", "ended"]) made.addEventListener(event, () => setPlaying(!made.paused));
  made.addEventListener("click", togglePlay);
  stage.insertBefore(made, boxes);
  video = made;
  const followFrame = (_, { mediaTime }) => {
    if (!made.paused) setTime(mediaTime * 1000 + ROUNDING_MS);
    made.requestVideoFrameCallback(followFrame);
  };
  made.requestVideoFrameCallback(followFrame);
  made.addEventListener("ended", () => setTime(Math.min(made.duration * 1000, timelineMs)));
}

function setPlaying(isPlaying) {
  byId("play").classList.toggle("playing", isPlaying);
  byId("play").setAttribute("aria-label", isPlaying ? "Pause" : "Play");
  if (!isPlaying) playedFrom = null;
}

function togglePlay() {
  if (video) {
    if (video.paused) video.play().catch(() => setPlaying(false));
    else video.pause();
  } else if (playedFrom) {
    setPlaying(false);
  } else {
    playedFrom = { at: performance.now(), ms: state.timeMs >= timelineMs ? 0 : state.timeMs };
    setPlaying(true);
    requestAnimationFrame(playFrame);
  }
}

/** Advances the time of an empty frame. */
function playFrame(now) {
  if (!playedFrom) return;
  const ms = playedFrom.ms + Math.max(now - playedFrom.at, 0);
  setTime(Math.min(ms, timelineMs));
  if (ms >= timelineMs) setPlaying(false);
  else requestAnimationFrame(playFrame);
}

/** Selects a time and shows the frame of it. */
function seek(ms) {
  const clamped = Math.min(Math.max(ms, 0), timelineMs);
  if (video) video.currentTime = (clamped + ROUNDING_MS) / 1000;
  if (playedFrom) playedFrom = { at: performance.now(), ms: clamped };
  setTime(clamped);
}

/** Selects the previous (-1) or next (1) sample of any label. */
async function step(direction) {
  const lowest = lowestCode();
  const ms = await neighbor(state.timeMs, direction, (_, code) => code >= lowest);
  if (ms === null) return;
  seek(ms);
  reveal(ms);
}

function setTime(ms) {
  state.timeMs = ms;
  draw(drawPlayhead, drawNow);
}

function drawPlayhead() {
  const playhead = byId("playhead");
  const share = (state.timeMs - state.fromMs) / (state.toMs - state.fromMs);
  playhead.hidden = byId("main").hidden || share < 0 || share > 1;
  byId("clock").textContent = exactClock(state.timeMs);
  const lanes = byId("rows").getBoundingClientRect();
  const { left, width } = laneBox();
  playhead.style.left = `${left + scrollX + share * width}px`;
  playhead.style.top = `${lanes.top + scrollY}px`;
  playhead.style.height = `${lanes.height}px`;
}

/** Shows the boxes and labels of the selected time. */
async function drawNow() {
  const ms = state.timeMs;
  const lowest = lowestCode();
  const samples = (await samplesAt(ms)).filter(({ code }) => code >= lowest);
  if (ms !== state.timeMs || lowest !== lowestCode()) return;
  const fromSegments = state.labels.filter((label) => label.from === "segments" && bars(label, ms, ms + 1).length > 0);
  const key = JSON.stringify([
    samples.map(({ label, ms }) => [label, ms]),
    fromSegments.map(({ index }) => index),
    lowest,
  ]);
  if (key === drawnBoxes) return;
  drawnBoxes = key;
  const entries = samples.map((sample) => ({ ...sample, label: state.labels[sample.label] }));
  drawBoxes(entries);
  drawList(entries, fromSegments);
}

function drawBoxes(samples) {
  const made = samples.flatMap(({ label, boxes }) =>
    boxes.map(({ code, left, top, width, height }) => {
      const box = element("div", "box");
      box.dataset.label = label.index;
      box.style.setProperty("--hue", label.hue);
      for (const [side, value] of Object.entries({ left, top, width, height })) box.style[side] = `${100 * value}%`;
      const name = element("span");
      if (top < 0.06) name.className = "inside";
      name.append(isolated(label.shown), ` ${code < 2 ? "" : `${code - 2} %`}`);
      box.append(name);
      return box;
    }),
  );
  byId("stage")
    .querySelector(".boxes")
    .replaceChildren(...made);
  const names = samples.filter(({ boxes }) => boxes.length > 0);
  byId("stage").setAttribute(
    "aria-label",
    names.length === 0 ? "No boxes" : `Boxes: ${names.map((s) => `${s.boxes.length} ${s.label.shown}`).join(", ")}`,
  );
  emphasize(state.emphasized);
}

function drawList(samples, fromSegments) {
  const item = (label, detail) => {
    const made = element("li");
    made.dataset.label = label.index;
    made.style.setProperty("--hue", label.hue);
    made.append(isolated(label.shown), element("span", "detail", detail));
    made.addEventListener("pointerenter", () => emphasize(label));
    made.addEventListener("pointerleave", () => emphasize(null));
    return made;
  };
  const items = [
    ...samples.map(({ label, code, boxes }) =>
      item(label, [boxes.length > 0 ? count(boxes.length, "box") : "no box", percent(code)].join(" · ")),
    ),
    ...fromSegments.map((label) => item(label, "segment")),
  ];
  if (items.length === 0) items.push(element("li", "none", "No label is detected at this time."));
  byId("now").replaceChildren(...items);
}

/** Emphasizes the boxes of a label, or of none. */
function emphasize(label) {
  state.emphasized = label;
  const stage = byId("stage");
  const own = [...stage.querySelectorAll(".box")].map((box) => {
    const isOwn = label !== null && Number(box.dataset.label) === label.index;
    box.classList.toggle("emphasized", isOwn);
    return isOwn;
  });
  stage.classList.toggle("dimmed", own.includes(true));
}
