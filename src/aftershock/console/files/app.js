// Begins the page: one stream in, one picture a frame out.
import { el, set, sync } from "./dom.js";
import { apply, fact, of, state } from "./state.js";
import { follow } from "./stream.js";
import { chooseLoad } from "./acts.js";
import { model } from "./model.js";
import * as map from "./map.js";
import * as panel from "./panel.js";
import * as strip from "./strip.js";

const STRIP_EVERY_MS = 1000;
let waiting = false;
let standing = "connecting …";
let drawn = { names: [], balancers: [], instances: [] };

function soon() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; render(); });
}

function render() {
  drawn = model();
  map.render(drawn);
  panel.render();
  strip.render();
  header();
}

function header() {
  const region = fact("region:");
  const answers = region?.answers ?? true;
  const stale = region?.stale?.length ? `The API refuses to tell of ${region.stale.join(", ")}: that part of the picture is the last one seen.` : null;
  const says = standing ?? (answers ? stale : "The control plane does not answer: what runs goes on, and this picture is the last one seen.");
  set(document.getElementById("standing"), { text: says ?? (of("zone").length ? "live" : "looking …"), "data-bad": Boolean(says) });
  set(document.getElementById("place"), { text: region && region.pace !== 1 ? `us-east-1 · pace ${region.pace}` : "us-east-1" });
  const well = drawn.instances.filter((one) => one.tone === "good").length;
  const rate = drawn.balancers.reduce((sum, one) => sum + (one.rate ?? 0), 0);
  const alarms = of("alarm").filter(([, one]) => one.state === "ALARM").length;
  const bill = fact("bill:");
  const meters = [["machines well", `${well}/${drawn.instances.length}`]];
  if (drawn.balancers.length) meters.push(["requests/s", map.number(rate)]);
  if (of("alarm").length) meters.push(["in alarm", String(alarms)]);
  if (bill) {
    meters.push(["an hour", `$${bill.per_hour}`], ["a month", `$${bill.per_month}`]);
    if (bill.with_reservations !== bill.per_month) meters.push(["if reserved", `$${bill.with_reservations}`]);
  }
  sync(document.getElementById("meters"), meters, ([name]) => name, () => el("div", {}, el("dt"), el("dd")), (node, [name, value]) => {
    set(node.firstChild, { text: name });
    set(node.lastChild, { text: value });
  });
}

function theme() {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark" || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("aftershock-theme", document.documentElement.dataset.theme);
}

function loadTargets() {
  return [...drawn.names.map((one) => one.name), ...drawn.balancers.map((one) => one.dns), ...drawn.instances.map((one) => one.public).filter(Boolean)].map((host) => `http://${host}/`);
}

const kept = localStorage.getItem("aftershock-theme");
if (kept) document.documentElement.dataset.theme = kept;
document.getElementById("theme").onclick = theme;
document.getElementById("load").onclick = () => chooseLoad(loadTargets());
document.addEventListener("redraw", soon);
map.begin((kind, thing) => panel.show(kind, thing));
panel.begin();
new ResizeObserver(() => strip.render()).observe(document.getElementById("strip"));
setInterval(() => { if (state.connected) strip.render(); }, STRIP_EVERY_MS);
follow((event) => { apply(event); soon(); }, (says) => { standing = says; state.connected = !says; soon(); });
