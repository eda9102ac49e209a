// The last minutes on one axis: requests and errors, latency, instances, and marks where something happened.
import { svg, set, sync, timeOf } from "./dom.js";
import { of, fact, now as clock, state } from "./state.js";
import { number } from "./map.js";
import { recently } from "./model.js";

const LEFT = 84, RIGHT = 64, LANE = 26, GAP = 6, AXIS = 16;
const STEPS_S = [15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200]; // from one time that is written to the next

export function render() {
  const strip = document.getElementById("strip");
  const { pace = 1, window_s: window = 1800 } = fact("region:") ?? {};
  const now = clock();
  const width = strip.clientWidth || 800;
  const x = (at) => LEFT + (width - LEFT - RIGHT) * (1 - (now - at) / window);
  const minute = 60 / pace;
  const requests = summed("requests", minute), errors = added(summed("errors", minute), summed("refused", minute));
  const lanes = [
    { name: "requests/s", series: requests, under: errors, unit: "", every: minute },
    { name: "latency", series: mean("latency").map(([at, value]) => [at, value * 1000]), unit: " ms", every: minute },
    { name: "instances", series: steps(state.samples, now), unit: "" },
  ];
  const height = lanes.length * (LANE + GAP) + 20 + AXIS;
  set(strip, { height, viewBox: `0 0 ${width} ${height}` });
  const lane = (one, index) => ({ ...one, top: 4 + index * (LANE + GAP), x, now, window, width });
  sync(strip.querySelector("g") ?? strip.appendChild(svg("g")), [...lanes.map(lane), { name: "events", marks: marks(now - window), top: lanes.length * (LANE + GAP) + 4, x, width, window, now }], (one) => one.name, newLane, drawLane);
  drawTimes(strip, { x, now, window, width, height });
}

// When it was: as many times as have room, at whole minutes.
function drawTimes(strip, { x, now, window, width, height }) {
  const room = Math.max(2, (width - LEFT - RIGHT) / 90);
  const step = STEPS_S.find((one) => window / one <= room) ?? STEPS_S.at(-1);
  const offset = new Date(now * 1000).getTimezoneOffset() * 60;
  const times = [];
  for (let at = Math.ceil((now - window - offset) / step) * step + offset; at <= now; at += step) times.push(at);
  const wanted = times.filter((at) => x(at) > LEFT + 24 && x(at) < width - RIGHT - 4);
  const axis = strip.querySelector(".times") ?? strip.appendChild(svg("g", { class: "times", "aria-hidden": "true" }));
  sync(axis, wanted, String, () => svg("g", {}, svg("path"), svg("text")), (node, at) => {
    set(node.firstChild, { d: `M${x(at).toFixed(1)},4V${height - AXIS}` });
    set(node.lastChild, { x: x(at).toFixed(1), y: height - 4, text: timeOf(at, step < 60 ? "medium" : "short") });
  });
}

function newLane(one) {
  return svg("g", { class: `lane ${one.name.replace(/\W.*/, "")}` }, svg("text", { class: "name" }), svg("text", { class: "value" }), svg("path", { class: "line" }), svg("path", { class: "errors" }), svg("g", { class: "marks" }));
}

function drawLane(node, one) {
  const [name, value, line, errors, marksNode] = node.children;
  set(name, { x: 6, y: one.top + LANE / 2 + 4, text: one.name });
  if (one.marks) return drawMarks(marksNode, one, line);
  const recent = one.series.filter(([at]) => at >= one.now - one.window && at <= one.now + 1);
  const top = Math.max(1e-9, ...recent.map((point) => point[1]));
  const y = (amount) => one.top + LANE - (LANE - 2) * (amount / top);
  const [lastAt, last] = recent.at(-1) ?? [];
  const isNow = lastAt !== undefined && (!one.every || lastAt >= recently(60 / one.every));
  set(value, { x: one.width - RIGHT + 6, y: one.top + LANE / 2 + 4, text: isNow ? number(last) + one.unit : "–" });
  set(line, { d: path(recent, one.x, y, 1.5 * (one.every ?? Infinity)) });
  const failed = (one.under ?? []).filter(([at, amount]) => at >= one.now - one.window && amount > 0);
  set(errors, { d: failed.map(([at, amount]) => `M${one.x(at).toFixed(1)},${y(0)}V${Math.min(y(amount), y(0) - 3).toFixed(1)}`).join("") });
}

// A line ends where nothing was measured for longer than `gap` seconds.
const path = (points, x, y, gap) => points.map(([at, amount], index) => `${index && at - points[index - 1][0] <= gap ? "L" : "M"}${x(at).toFixed(1)},${y(amount).toFixed(1)}`).join("");

function drawMarks(node, one, axis) {
  const y = one.top + 7;
  set(axis, { d: `M${LEFT},${y}H${one.width - RIGHT}` });
  sync(node, one.marks, (mark) => mark.key, () => svg("g", {}, svg("path"), svg("title")), (mark, { at, bad, says }) => {
    const x = one.x(at).toFixed(1);
    set(mark, { "data-bad": bad });
    set(mark.firstChild, { d: bad ? `M${x},${y - 6}l4,9h-8z` : `M${x},${y - 4}a4,4 0 1 0 .01,0z` });
    set(mark.lastChild, { text: `${timeOf(at)} ${says}` });
  });
}

function marks(since) {
  return events().filter((one) => one.at >= since && one.at <= clock() + 1).slice(0, 150);
}

// All that has happened, the newest first: what we saw ourselves, and AWS's own feeds.
export function events() {
  const seen = state.happened.map((one, index) => ({ ...one, key: `seen ${one.at} ${one.thing} ${one.says} ${index}`, source: one.kind }));
  const activities = of("activity").map(([id, one]) => ({ key: id, at: one.at, kind: "scaling", thing: `scaling:${one.group}`, says: `${one.group}: ${one.says.split(/\s+Status Reason:/)[0]}`, why: one.message || one.why, bad: one.status === "Failed", source: "scaling activity", status: one.status }));
  const stacks = of("event").map(([id, one]) => ({ key: id, at: one.at, kind: "stack", thing: `stack:${one.thing}`, says: `${one.stack}: ${one.says} ${one.status}`, why: one.message, bad: /FAILED|ROLLBACK/.test(one.status), source: "stack event" }));
  const experiments = of("experiment").flatMap(([id, one]) => {
    const what = one.actions.map(([action, zone]) => `${action} ${zone}`.trim()).join(", ");
    const began = { key: `${id} began`, at: one.began, kind: "experiment", thing: `experiment:${id}`, says: `experiment ${id} began: ${what}`, bad: true, source: "experiment" };
    return one.ended ? [began, { ...began, key: `${id} ended`, at: one.ended, says: `experiment ${id} is ${one.status}`, bad: one.status === "failed", why: one.reason }] : [began];
  });
  return [...seen, ...activities, ...stacks, ...experiments].sort((a, b) => b.at - a.at);
}

function collected(name) {
  const found = new Map();
  for (const [, one] of of("traffic")) {
    for (const [at, value] of one.series[name] ?? []) found.set(at, [...(found.get(at) ?? []), value]);
  }
  return [...found].sort((a, b) => a[0] - b[0]);
}

const summed = (name, minute) => collected(name).map(([at, values]) => [at, values.reduce((a, b) => a + b, 0) / minute]);
const mean = (name) => collected(name).map(([at, values]) => [at, values.reduce((a, b) => a + b, 0) / values.length]);

function added(one, other) {
  const found = new Map(one);
  for (const [at, value] of other) found.set(at, (found.get(at) ?? 0) + value);
  return [...found].sort((a, b) => a[0] - b[0]);
}

function steps(samples, now) {
  const known = samples.filter(([at]) => at <= now);
  const found = known.flatMap(([at, count], index) => (index ? [[at, known[index - 1][1]], [at, count]] : [[at, count]]));
  if (found.length) found.push([now, found.at(-1)[1]]);
  return found;
}
