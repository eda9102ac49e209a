// The last minutes on one axis: requests and errors, latency, instances, and marks where something happened.
import { svg, set, sync } from "./dom.js";
import { of, fact, state } from "./state.js";
import { number } from "./map.js";

const LEFT = 84, RIGHT = 64, LANE = 26, GAP = 6;

export function render() {
  const strip = document.getElementById("strip");
  const { pace = 1, window_s: window = 1800 } = fact("region:") ?? {};
  const now = Date.now() / 1000;
  const width = strip.clientWidth || 800;
  const x = (at) => LEFT + (width - LEFT - RIGHT) * (1 - (now - at) / window);
  const minute = 60 / pace;
  const requests = summed("requests", minute), errors = added(summed("errors", minute), summed("refused", minute));
  const lanes = [
    { name: "requests/s", series: requests, under: errors, unit: "" },
    { name: "latency", series: mean("latency").map(([at, value]) => [at, value * 1000]), unit: " ms" },
    { name: "instances", series: steps(state.samples, now), unit: "" },
  ];
  const height = lanes.length * (LANE + GAP) + 26;
  set(strip, { height, viewBox: `0 0 ${width} ${height}` });
  const lane = (one, index) => ({ ...one, top: 4 + index * (LANE + GAP), x, now, window, width });
  sync(strip.querySelector("g") ?? strip.appendChild(svg("g")), [...lanes.map(lane), { name: "events", marks: marks(now - window), top: lanes.length * (LANE + GAP) + 4, x, width, window, now }], (one) => one.name, newLane, drawLane);
}

function newLane(one) {
  return svg("g", { class: `lane ${one.name.replace(/\W.*/, "")}` }, svg("text", { class: "name" }), svg("text", { class: "value" }), svg("path", { class: "line" }), svg("path", { class: "errors" }), svg("g", { class: "marks" }));
}

function drawLane(node, one) {
  const [name, value, line, errors, marksNode] = node.children;
  set(name, { x: 6, y: one.top + LANE / 2 + 4, text: one.name });
  if (one.marks) return drawMarks(marksNode, one, line);
  const recent = one.series.filter(([at]) => at >= one.now - one.window);
  const top = Math.max(1e-9, ...recent.map((point) => point[1]));
  const y = (amount) => one.top + LANE - (LANE - 2) * (amount / top);
  const last = recent.at(-1)?.[1];
  set(value, { x: one.width - RIGHT + 6, y: one.top + LANE / 2 + 4, text: last === undefined ? "–" : number(last) + one.unit });
  set(line, { d: path(recent, one.x, y) });
  const failed = (one.under ?? []).filter(([at, amount]) => at >= one.now - one.window && amount > 0);
  set(errors, { d: failed.map(([at, amount]) => `M${one.x(at).toFixed(1)},${y(0)}V${Math.min(y(amount), y(0) - 3).toFixed(1)}`).join("") });
}

const path = (points, x, y) => points.map(([at, amount], index) => `${index ? "L" : "M"}${x(at).toFixed(1)},${y(amount).toFixed(1)}`).join("");

function drawMarks(node, one, axis) {
  const y = one.top + 7;
  set(axis, { d: `M${LEFT},${y}H${one.width - RIGHT}` });
  sync(node, one.marks, (mark) => mark.key, () => svg("g", {}, svg("path"), svg("title")), (mark, { at, bad, says }) => {
    const x = one.x(at).toFixed(1);
    set(mark, { "data-bad": bad });
    set(mark.firstChild, { d: bad ? `M${x},${y - 6}l4,9h-8z` : `M${x},${y - 4}a4,4 0 1 0 .01,0z` });
    set(mark.lastChild, { text: `${new Date(at * 1000).toLocaleTimeString()} ${says}` });
  });
}

function marks(since) {
  return events().filter((one) => one.at >= since).slice(0, 150);
}

// All that has happened, the newest first: what we saw ourselves, and AWS's own feeds.
export function events() {
  const seen = state.happened.map((one, index) => ({ ...one, key: `seen ${one.at} ${one.thing} ${one.says} ${index}`, source: one.kind }));
  const activities = of("activity").map(([id, one]) => ({ key: id, at: one.at, kind: "scaling", thing: `scaling:${one.group}`, says: `${one.group}: ${one.says}`, why: one.message || one.why, bad: one.status === "Failed", source: "scaling activity", status: one.status }));
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
  const found = samples.flatMap(([at, count], index) => (index ? [[at, samples[index - 1][1]], [at, count]] : [[at, count]]));
  if (found.length) found.push([now, found.at(-1)[1]]);
  return found;
}
