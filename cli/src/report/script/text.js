// Text for times, numbers and labels.

const INTEGER = new Intl.NumberFormat("en-US");

/** Returns h:mm:ss of a time in milliseconds. */
function clock(ms) {
  const seconds = Math.floor(ms / 1000);
  const two = (number) => String(number % 60).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60))}:${two(seconds)}`;
}

/** Returns h:mm:ss.mmm of a time in milliseconds. */
function exactClock(ms) {
  const whole = Math.round(ms);
  return `${clock(whole)}.${String(whole % 1000).padStart(3, "0")}`;
}

/** Returns a time for the axis, as short as the distance of its ticks allows. */
function tickClock(ms, step) {
  const text = step < 1000 ? exactClock(ms).replace(/0+$/, "") : clock(ms);
  return text.endsWith(".") ? text.slice(0, -1) : text;
}

/** Returns a number and its noun, in the plural unless the number is 1. */
function count(number, noun) {
  return `${INTEGER.format(number)} ${noun}${number === 1 ? "" : noun.endsWith("x") ? "es" : "s"}`;
}

/** Returns the date and the time of Unix milliseconds in UTC. */
function utc(ms) {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** Returns the text of a confidence code: 1 is unknown, and 2 plus n is n percent. */
function percent(code) {
  return code < 2 ? "unknown confidence" : `${code - 2} %`;
}

/** Returns text in the form in which it is searched. */
function searchable(text) {
  return text.normalize("NFKC").toLocaleLowerCase("en");
}

/** Returns an element with a class and text. Text is never parsed as HTML. */
function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** Returns an element for text of a foreign language or direction, which does not disturb the text around it. */
function isolated(text, className = "") {
  const made = element("bdi", className, text);
  made.dir = "auto";
  return made;
}

function byId(id) {
  return document.getElementById(id);
}
