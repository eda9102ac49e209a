// The side panel: what happened, the paths that security groups open, and the details of what was clicked.
import { el, set, sync, timeOf } from "./dom.js";
import { fact, of } from "./state.js";
import { ask } from "./stream.js";
import { commandBlock, confirm } from "./acts.js";
import { events } from "./strip.js";
import * as stacks from "./stacks.js";
import * as lab from "./lab.js";

const HAPPENED = "what happened"; // told by the page itself, of what it has seen
const PARTS = {
  instance: ["fields", "status", "metrics", "console", "volumes", HAPPENED],
  zone: ["fields", "subnets", HAPPENED],
  subnet: ["fields", "interfaces"],
  group: ["fields", "rules"],
  balancer: ["fields", "metrics", "listeners", "attributes"],
  targets: ["fields", "health", "attributes", HAPPENED],
  scaling: ["fields", "history", "policies"],
  alarm: ["fields", "history"],
  experiment: ["fields"],
  name: ["fields"],
  stack: ["fields", "events", "resources"],
};
const TABS = [["feed", "Events"], ["paths", "Paths"], ["lists", "Lists"], ["stacks", "Stacks"], ["lab", "Lab"], ["details", "Details"]];
// What is not on the map itself, by kind: a title, and what is said of one besides its name.
const LISTS = [
  ["scaling", "Auto Scaling groups", (one) => `${one.desired} wanted, ${one.min} to ${one.max}`],
  ["targets", "Target groups", (one) => `${Object.values(one.health).filter(([state]) => state === "healthy").length} of ${Object.keys(one.health).length} healthy`],
  ["alarm", "Alarms", (one) => one.state],
  ["experiment", "Experiments", (one) => one.status],
];
const SHOWN = 120;
const NARROW = "(max-width: 760px)"; // one column, as in the style sheet
let chosen = null;

export function begin() {
  stacks.begin();
  const tabs = document.getElementById("tabs");
  TABS.forEach(([id, title]) => tabs.append(el("button", { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": id, "aria-selected": String(id === "feed"), tabindex: id === "feed" ? "0" : "-1", text: title, onclick: () => open(id) })));
  tabs.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = [...tabs.children].findIndex((tab) => tab.getAttribute("aria-selected") === "true");
    open(TABS[(at + step + TABS.length) % TABS.length][0], true);
  };
}

function open(id, focus = false) {
  for (const [other] of TABS) {
    const tab = document.getElementById(`tab-${other}`);
    set(tab, { "aria-selected": String(other === id), tabindex: other === id ? "0" : "-1" });
    document.getElementById(other).hidden = other !== id;
    if (other === id && focus) tab.focus();
  }
}

export function render() {
  const all = events();
  sync(document.getElementById("feed"), all.slice(0, SHOWN), (one) => one.key, newEntry, drawEntry);
  renderPaths();
  renderLists();
  stacks.render(show);
  lab.render();
  if (chosen) renderChosen(all);
}

// What was clicked is followed: its acts, where it belongs, and whatever part of it is open.
function renderChosen(all) {
  const { kind, thing, list, links, parts } = chosen;
  actions(list, kind, thing);
  drawLinks(links, kind, thing);
  const own = all.filter((one) => one.thing === `${kind}:${thing}` || one.says.includes(thing) || one.why?.includes(thing));
  const told = parts.querySelector(".happened");
  if (told) sync(told, own.slice(0, SHOWN), (one) => one.key, newEntry, drawEntry);
  const seen = JSON.stringify(fact(`${kind}:${thing}`));
  if (seen === chosen.seen) return;
  chosen.seen = seen;
  for (const box of parts.children) box.again?.();
}

function newEntry() {
  return el("article", {}, el("time"), el("p", {}, el("button", { type: "button", class: "plain" })), el("small"));
}

function drawEntry(node, one) {
  const [time, says, why] = node.children;
  set(node, { "data-bad": Boolean(one.bad), "data-kind": one.kind });
  const [kind, ...rest] = one.thing.split(":");
  set(time, { text: timeOf(one.at), datetime: new Date(one.at * 1000).toISOString() });
  set(says.firstChild, { text: one.says, disabled: !PARTS[kind], onclick: () => show(kind, rest.join(":")) });
  set(why, { text: one.why ?? "", title: one.why, hidden: !one.why });
}

function renderPaths() {
  const held = new Set([...of("instance"), ...of("balancer")].flatMap(([, one]) => one.groups));
  const groups = of("group").filter(([id]) => held.has(id)).sort((a, b) => a[1].name.localeCompare(b[1].name));
  const named = (peer) => (fact(`group:${peer}`) ? `${fact(`group:${peer}`).name} (${peer})` : peer === "0.0.0.0/0" ? "everywhere (0.0.0.0/0)" : peer);
  sync(document.getElementById("paths"), groups, ([id]) => id, () => el("section", { class: "group" }, el("h2", {}, el("button", { type: "button", class: "plain" })), el("ul")), (node, [id, one]) => {
    set(node.firstChild.firstChild, { text: `into ${one.name} (${id})`, onclick: () => show("group", id) });
    sync(node.lastChild, one.rules, (rule) => rule.id, () => el("li", {}, el("span"), el("button", { type: "button", text: "Cut …" })), (line, rule) => {
      set(line.firstChild, { text: `${rule.ports} from ${named(rule.from)}` });
      set(line.lastChild, { onclick: () => confirm("Cut this path", "cut-path", { rule: rule.id }), "aria-label": `Cut ${rule.ports} from ${named(rule.from)} into ${one.name}` });
    });
  });
}

function renderLists() {
  const wanted = LISTS.map(([kind, title, says]) => ({ kind, title, says, things: of(kind) })).filter((one) => one.things.length);
  sync(document.getElementById("lists"), wanted, (one) => one.kind, () => el("section", { class: "group" }, el("h2"), el("ul")), (node, { kind, title, says, things }) => {
    set(node.firstChild, { text: title });
    sync(node.lastChild, things, ([id]) => id, () => el("li", {}, el("button", { type: "button", class: "plain" }), el("span")), (line, [id, one]) => {
      set(line.firstChild, { text: one.name ?? id, onclick: () => show(kind, id) });
      set(line.lastChild, { text: says(one) });
    });
  });
}

// What was clicked: its acts first, then each part as the API answers it.
export function show(kind, thing) {
  open("details");
  const panel = document.getElementById("details");
  const list = el("div", { class: "acts" });
  const title = el("h2", { tabindex: "-1", text: `${kind} ${kind === "stack" ? fact(`stack:${thing}`)?.name ?? thing : thing.split("/").at(-1)}` });
  const links = el("p", { class: "links" });
  const parts = el("div", {}, ...PARTS[kind].map((part, index) => (part === HAPPENED ? happened() : section(kind, thing, part, index < 1))));
  panel.replaceChildren(title, list, links, parts);
  panel.scrollTop = 0;
  chosen = { kind, thing, list, links, parts, seen: JSON.stringify(fact(`${kind}:${thing}`)) };
  renderChosen(events());
  title.focus({ preventScroll: true });
  if (matchMedia(NARROW).matches) panel.parentElement.scrollIntoView();
}

const happened = () => el("details", {}, el("summary", { text: HAPPENED }), el("div", { class: "happened" }));

// What a thing belongs to, and what lets others in to it.
function drawLinks(links, kind, thing) {
  const one = fact(`${kind}:${thing}`) ?? {};
  const named = (other, id) => fact(`${other}:${id}`)?.name || id.split("/").at(-1);
  const wanted = [
    ...(one.groups ?? []).map((id) => ["group", id, `rules of ${named("group", id)}`]),
    ...(kind === "instance" && one.scaling ? [["scaling", one.scaling, one.scaling]] : []),
    ...(kind === "instance" && one.subnet ? [["subnet", one.subnet, named("subnet", one.subnet)]] : []),
    ...(kind === "balancer" ? of("targets").filter(([, group]) => group.balancers.includes(thing)).map(([arn, group]) => ["targets", arn, `targets ${group.name}`]) : []),
    ...(kind === "scaling" ? (one.targets ?? []).map((arn) => ["targets", arn, `targets ${named("targets", arn)}`]) : []),
    ...(kind === "targets" ? (one.balancers ?? []).map((arn) => ["balancer", arn, named("balancer", arn)]) : []),
  ];
  sync(links, wanted, ([other, id]) => `${other} ${id}`, () => el("button", { type: "button", class: "plain" }), (button, [other, id, text]) => set(button, { text, onclick: () => show(other, id) }));
}

function section(kind, thing, part, isOpen) {
  const body = el("div");
  const again = el("button", { type: "button", class: "again", text: "Look again", onclick: () => fill(body, kind, thing, part) });
  const box = el("details", { open: isOpen }, el("summary", { text: part }), again, body);
  const chosenText = () => { const marked = getSelection(); return !marked.isCollapsed && body.contains(marked.anchorNode); };
  // Not under somebody's hands.
  box.again = () => { if (box.open && body.firstChild && !body.contains(document.activeElement) && !chosenText()) fill(body, kind, thing, part); };
  box.ontoggle = () => { if (box.open && !body.firstChild) fill(body, kind, thing, part); };
  return box;
}

async function fill(body, kind, thing, part) {
  if (!body.firstChild) body.append(el("p", { text: "asking …" }));
  try {
    const found = await ask("details", { kind, thing, part });
    const shown = found.series ? chart(found.series) : part === "console" ? el("pre", { tabindex: "0", text: decoded(found.answer.Output) }) : tree(trimmed(found.answer));
    body.replaceChildren(commandBlock(found.command), shown);
  } catch (error) {
    body.replaceChildren(el("p", { class: "refused", text: error.message }));
  }
}

function decoded(output) {
  if (!output) return "(it has said nothing yet)";
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(output), (letter) => letter.charCodeAt(0)));
  } catch {
    return output;
  }
}

// One thing was asked for: the lists of one that are around it say nothing.
function trimmed(answer) {
  let found = answer;
  for (;;) {
    const values = Array.isArray(found) ? found : Object.values(found ?? {});
    if (values.length !== 1 || typeof values[0] !== "object" || values[0] === null) return found;
    found = values[0];
  }
}

function tree(value) {
  if (typeof value !== "object" || value === null) return el("span", { text: String(value) });
  const list = el("dl", { class: "tree" });
  const members = Object.entries(value);
  if (!members.length) return el("span", { text: Array.isArray(value) ? "[]" : "{}" });
  for (const [name, one] of members) list.append(el("div", {}, el("dt", { text: name }), el("dd", {}, tree(one))));
  return list;
}

function chart(series) {
  const box = el("div");
  for (const [name, points] of Object.entries(series)) {
    const last = points.at(-1);
    const top = Math.max(1e-9, ...points.map((point) => point[1]));
    const shape = points.map(([at, value], index) => `${index ? "L" : "M"}${(300 * (at - points[0][0])) / Math.max(1, last[0] - points[0][0])},${38 - 36 * (value / top)}`).join("");
    const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    set(drawing, { class: "chart", viewBox: "0 0 300 40", role: "img", "aria-label": `${name}, ${points.length} points` });
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    set(line, { d: shape });
    drawing.append(line);
    box.append(el("h4", { text: `${name}: ${last ? Number(last[1].toPrecision(4)) : "not measured yet"}` }), drawing);
  }
  return box;
}

function actions(list, kind, thing) {
  const wanted = [];
  const add = (title, act, args, danger) => wanted.push({ title, act, args, danger });
  if (kind === "zone") {
    const out = fact(`zone:${thing}`)?.out ?? [];
    if (out.length) add("Heal the zone", "heal-zone", { zone: thing }, false);
    if (!out.includes("power")) add("Take its power", "fail-zone", { zone: thing, kind: "power" }, true);
    if (!out.includes("network")) add("Cut it off", "fail-zone", { zone: thing, kind: "network" }, true);
  }
  if (kind === "instance") {
    const one = fact(`instance:${thing}`);
    if (one?.state === "running") {
      add("Stop it", "stop-instance", { instance: thing }, true);
      add("Reboot it", "reboot-instance", { instance: thing }, true);
    }
    if (one?.state === "stopped") add("Start it", "start-instance", { instance: thing }, false);
    if (one) add("Kill it", "kill-instance", { instance: thing }, true);
  }
  if (kind === "scaling") {
    const one = fact(`scaling:${thing}`);
    if (one && one.desired < one.max) add(`Want ${one.desired + 1}`, "resize", { group: thing, desired: one.desired + 1 }, false);
    if (one && one.desired > one.min) add(`Want ${one.desired - 1}`, "resize", { group: thing, desired: one.desired - 1 }, true);
  }
  if (kind === "stack") {
    const one = fact(`stack:${thing}`);
    if (one) add("Delete it", "delete-stack", { stack: one.name }, true);
  }
  sync(list, wanted, (one) => one.title, () => el("button", { type: "button" }), (button, one) => set(button, { text: `${one.title} …`, class: one.danger ? "danger" : "", onclick: () => confirm(one.title, one.act, one.args, one.danger) }));
}
