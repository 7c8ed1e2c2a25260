// The data of the page: facts of the job, labels with their lanes, and blocks of samples that are decoded when needed.

const report = JSON.parse(byId("report").textContent);
const job = report.job;
const timelineMs = Math.max(report.timelineMs, 1);

/** A sample counts until the next one of its label if that is at most so much later. */
const MAX_GAP_MS = 1000;
/** Time for which a sample without a next one is shown. Rekognition analyzes a sample about every 500 ms. */
const HOLD_MS = 500;
/** Number of decoded blocks to keep. */
const KEPT_BLOCKS = 128;

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text.trim()), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Returns the labels with their lanes, biggest first. */
async function readLabels() {
  const [list, lanes] = await Promise.all([unpack(byId("labels").textContent), unpack(byId("lanes").textContent)]);
  const labels = JSON.parse(new TextDecoder().decode(list));
  // The confidences of all lanes come first, then the instances of all lanes.
  let at = 0;
  labels.forEach((label, index) => {
    label.index = index;
    label.shown = label.name || "(no name)";
    label.category = label.categories[0] ?? "Other";
    label.searched = [label.shown, ...label.aliases, ...label.parents, ...label.categories].map(searchable);
    if (label.cellMs === null) return;
    const cells = Math.max(1, Math.ceil(report.timelineMs / label.cellMs));
    label.codes = lanes.subarray(at, at + cells);
    label.most = lanes.subarray(at + lanes.length / 2, at + lanes.length / 2 + cells);
    at += cells;
  });
  return labels;
}

/** Reads unsigned numbers in LEB128, which may exceed 32 bits. */
class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  varint() {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.bytes[this.at++];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  take(length) {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  ratios(length) {
    const bytes = this.take(2 * length);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return Float32Array.from({ length }, (_, index) => view.getInt16(2 * index, true) / 8192);
  }
}

/** Returns the samples of a block by the index of their label. */
function decodeBlock(bytes, fromMs) {
  const groups = new Map();
  const reader = new Reader(bytes);
  while (reader.at < bytes.length) {
    const label = reader.varint();
    const length = reader.varint();
    let ms = fromMs;
    const times = Float64Array.from({ length }, () => {
      ms += reader.varint();
      return ms;
    });
    const confidence = reader.take(length);
    const firstBox = new Uint32Array(length + 1);
    for (let index = 0; index < length; index++) firstBox[index + 1] = firstBox[index] + reader.varint();
    const boxes = firstBox[length];
    const boxConfidence = reader.take(boxes);
    const sides = [reader.ratios(boxes), reader.ratios(boxes), reader.ratios(boxes), reader.ratios(boxes)];
    groups.set(label, { times, confidence, firstBox, boxConfidence, sides });
  }
  return groups;
}

/** The blocks of the page. They follow the script, so the page is read whole before they are looked up. */
const blocks = {
  elements: [],
  durationMs: Infinity,
  decoded: new Map(),
  pending: new Map(),

  find() {
    this.elements = [...document.querySelectorAll("script[data-boxes]")];
    const [first] = this.elements;
    if (first) this.durationMs = Number(first.dataset.to) - Number(first.dataset.from);
  },

  /** Returns the indexes of the first and the last block of a part of the video. */
  range(fromMs, toMs) {
    const index = (ms) => Math.min(Math.max(Math.floor(ms / this.durationMs), 0), this.elements.length - 1);
    return [index(fromMs), index(toMs)];
  },

  /** Returns the block with this index, and decodes it if need be. */
  load(index) {
    const known = this.decoded.get(index);
    if (known) {
      // The most recently used block is last.
      this.decoded.delete(index);
      this.decoded.set(index, known);
      return known;
    }
    if (!this.pending.has(index)) {
      const script = this.elements[index];
      const decoding = unpack(script.textContent).then((bytes) => {
        const groups = decodeBlock(bytes, Number(script.dataset.from));
        this.pending.delete(index);
        this.decoded.set(index, groups);
        if (this.decoded.size > KEPT_BLOCKS) this.decoded.delete(this.decoded.keys().next().value);
        return groups;
      });
      this.pending.set(index, decoding);
    }
    return this.pending.get(index);
  },

  /** Returns the blocks of a part of the video, or null if one is not decoded. */
  decodedRange(fromMs, toMs) {
    if (this.elements.length === 0) return [];
    const [first, last] = this.range(fromMs, toMs);
    const found = [];
    for (let index = first; index <= last; index++) {
      const groups = this.decoded.get(index);
      if (!groups) return null;
      found.push(groups);
    }
    return found;
  },

  async loadRange(fromMs, toMs) {
    if (this.elements.length === 0) return [];
    const [first, last] = this.range(fromMs, toMs);
    return Promise.all(Array.from({ length: last - first + 1 }, (_, offset) => this.load(first + offset)));
  },
};

/** Returns the index of the last of some times that is not after a time, or -1. */
function lastAtOrBefore(times, ms) {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= ms) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Returns the sample of a label that counts at a time, from blocks that have the second before and after the time. */
function sampleAt(loaded, label, ms) {
  let found = null;
  let nextMs = Infinity;
  for (const groups of loaded) {
    const group = groups.get(label);
    if (!group) continue;
    const index = lastAtOrBefore(group.times, ms);
    if (index >= 0) found = { group, index, ms: group.times[index] };
    if (index + 1 < group.times.length) {
      nextMs = group.times[index + 1];
      break;
    }
  }
  if (!found) return null;
  const until = nextMs - found.ms <= MAX_GAP_MS ? nextMs : found.ms + HOLD_MS;
  if (ms >= until) return null;
  const { group, index } = found;
  return {
    label,
    ms: found.ms,
    code: group.confidence[index],
    boxes: Array.from({ length: group.firstBox[index + 1] - group.firstBox[index] }, (_, offset) => {
      const box = group.firstBox[index] + offset;
      const [left, top, width, height] = group.sides.map((side) => side[box]);
      return { code: group.boxConfidence[box], left, top, width, height };
    }),
  };
}

/** Returns the samples of all labels that count at a time. */
async function samplesAt(ms) {
  const loaded = await blocks.loadRange(ms - MAX_GAP_MS, ms + MAX_GAP_MS);
  const indexes = new Set(loaded.flatMap((groups) => [...groups.keys()]));
  return [...indexes]
    .sort((a, b) => a - b)
    .map((label) => sampleAt(loaded, label, ms))
    .filter(Boolean);
}

/** Returns the time of the next (direction 1) or previous (-1) sample that is accepted, or null. */
async function neighbor(ms, direction, accepts) {
  if (blocks.elements.length === 0) return null;
  const [start] = blocks.range(ms, ms);
  for (let index = start; index >= 0 && index < blocks.elements.length; index += direction) {
    let best = null;
    for (const [label, group] of await blocks.load(index)) {
      let at = lastAtOrBefore(group.times, direction > 0 ? ms : ms - 1) + (direction > 0 ? 1 : 0);
      while (
        at >= 0 &&
        at < group.times.length &&
        !accepts(label, group.confidence[at], group.firstBox[at + 1] - group.firstBox[at])
      )
        at += direction;
      if (at < 0 || at >= group.times.length) continue;
      const time = group.times[at];
      if (best === null || (time - best) * direction < 0) best = time;
    }
    if (best !== null) return best;
  }
  return null;
}
