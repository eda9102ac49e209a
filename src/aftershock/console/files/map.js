// The map: tiers from the internet down to the machines.  The browser's own layout keeps things apart; edges are drawn
// behind it, between where things have come to stand.
import { el, svg, set, sync } from "./dom.js";
import { FOLD_FROM } from "./model.js";

const SIGNS = { good: "●", busy: "◐", bad: "✕", off: "■" };
const CARDS_TO = 36, CHIPS_TO = 130; // machines on the map up to which each is a card, or a chip; beyond, a dot
const BESIDE = 6, BAR = 14; // how far beside its zone an edge goes, and where it meets a cluster
const MOST_LABELLED = 10; // edges up to which each says what it lets through
const unfolded = new Map(); // by cluster: whether somebody has folded or unfolded it
const anchors = new Map();
let select = () => {};
let edges = [];
let waiting = false;
let labelled = true;

export function begin(onSelect) {
  select = onSelect;
  new ResizeObserver(soon).observe(document.getElementById("tiers"));
  addEventListener("resize", soon);
}

export function render(model) {
  const tiers = document.getElementById("tiers");
  const total = model.instances.length;
  const size = total <= CARDS_TO ? "cards" : total <= CHIPS_TO ? "chips" : "dots";
  const parts = [
    { key: "outside", make: () => el("div", { class: "tier" }), draw: (node) => outside(node) },
    { key: "names", make: () => tier("Names"), draw: (node) => sync(node.lastChild, model.names, (one) => one.name, newNode, nameNode) },
    { key: "balancers", make: () => tier("Load balancers"), draw: (node) => sync(node.lastChild, model.balancers, (one) => one.arn, newNode, balancerNode) },
    { key: "zones", make: () => el("div", { class: "zones" }), draw: (node) => sync(node, model.zones, (one) => one.name, newZone, (zone, one) => drawZone(zone, one, size, total)) },
  ];
  const wanted = parts.filter((part) => (part.key !== "names" || model.names.length) && (part.key !== "balancers" || model.balancers.length));
  sync(tiers, wanted, (part) => part.key, (part) => part.make(), (node, part) => part.draw(node));
  edges = model.edges;
  soon();
}

const tier = (title) => el("section", { class: "tier", "aria-label": title }, el("div", { class: "row" }));

function outside(node) {
  if (node.firstChild) return;
  const internet = el("div", { class: "node internet" }, el("b", { text: "Internet" }));
  node.append(internet);
  anchors.set("internet", internet);
}

function newNode() {
  return el("button", { type: "button", class: "node" }, el("b"), el("span"), el("small"));
}

function nameNode(node, one) {
  anchors.set(one.name, node);
  const [title, , small] = node.children;
  set(title, { text: one.name });
  set(small, { text: one.aliases.length ? "alias" : `${one.type} · ${one.values.length} × TTL ${one.ttl} s` });
  set(node, { onclick: () => select("name", one.key.slice(0)), "data-kind": "name" });
}

function balancerNode(node, one) {
  anchors.set(one.arn, node);
  const [title, line, small] = node.children;
  set(title, { text: one.name });
  const rate = one.rate === null ? "not measured yet" : `${number(one.rate)} req/s`;
  const errors = one.errors ? ` · ${percent(one.errors)} errors` : "";
  const latency = one.latency ? ` · ${number(one.latency * 1000)} ms` : "";
  const impaired = one.state === "active" ? "" : " · impaired";
  set(line, { text: one.state.startsWith("active") ? rate + errors + latency + impaired : one.state });
  set(small, { text: one.zones.map((zone) => zone.slice(-2) + (one.byZone[zone] ? ` ${number(one.byZone[zone])}/s` : "")).join("   ") });
  set(node, { onclick: () => select("balancer", one.arn), "data-tone": one.errors > 0.01 ? "bad" : one.state === "active" ? "good" : "busy" });
}

function newZone() {
  return el("section", { class: "zone" }, el("header", {}, el("button", { type: "button", class: "plain" }), el("span", { class: "badge" })), el("div", { class: "subnets" }));
}

function drawZone(node, zone, size, total) {
  const [header, subnets] = node.children;
  const [title, badge] = header.children;
  set(node, { "data-out": zone.out.join(" ") || null, "aria-label": `Zone ${zone.name}` });
  set(title, { text: zone.name, onclick: () => select("zone", zone.name), "aria-label": `Zone ${zone.name}: details and what one can do to it` });
  set(badge, { text: zone.out.includes("power") ? "✕ no power" : zone.out.length ? "✕ cut off" : `${zone.count} running`.replace("running", zone.count === 1 ? "machine" : "machines") });
  sync(subnets, zone.subnets, (one) => one.id, newSubnet, (subnet, one) => drawSubnet(subnet, one, size, total));
}

function newSubnet() {
  return el("div", { class: "subnet" }, el("button", { type: "button", class: "plain" }), el("div", { class: "clusters" }));
}

function drawSubnet(node, subnet, size, total) {
  const [title, clusters] = node.children;
  const vpc = subnet.several ? ` · ${subnet.vpc}` : "";
  set(title, { text: `${subnet.name || subnet.cidr} · ${subnet.public ? "public" : "private"}${vpc}`, onclick: () => select("subnet", subnet.id) });
  sync(clusters, subnet.clusters, (one) => one.key, newCluster, (cluster, one) => drawCluster(cluster, one, size, total));
}

function newCluster() {
  return el("div", { class: "cluster" }, el("div", { class: "bar" }, el("button", { type: "button", class: "plain fold" }), el("button", { type: "button", class: "plain" })), el("div", { class: "shares", "aria-hidden": "true" }), el("div", { class: "machines" }));
}

function drawCluster(node, cluster, size, total) {
  anchors.set(cluster.key, node);
  const [bar, shares, machines] = node.children;
  const [fold, title] = bar.children;
  const single = cluster.members.length === 1 && !cluster.scaling;
  const open = single || (unfolded.get(cluster.key) ?? !(total > FOLD_FROM && cluster.members.length > 12));
  const well = cluster.members.filter((one) => one.tone === "good").length;
  set(node, { "data-single": single });
  set(fold, {
    text: open ? "▾" : "▸",
    "aria-expanded": String(open),
    "aria-label": `${open ? "Fold" : "Unfold"} ${cluster.title} in ${cluster.zone}`,
    onclick: () => { unfolded.set(cluster.key, !open); document.dispatchEvent(new Event("redraw")); },
  });
  set(title, {
    text: `${cluster.title} · ${well}/${cluster.members.length}`,
    onclick: () => (cluster.scaling ? select("scaling", cluster.scaling) : select("instance", cluster.members[0].id)),
    "aria-label": `${cluster.title} in ${cluster.zone}: ${well} of ${cluster.members.length} well`,
  });
  const counts = Object.keys(SIGNS).map((tone) => ({ tone, count: cluster.members.filter((one) => one.tone === tone).length })).filter((one) => one.count);
  set(shares, { hidden: open });
  sync(shares, counts, (one) => one.tone, () => el("i"), (share, one) => { set(share, { "data-tone": one.tone }); share.style.flexGrow = one.count; });
  set(machines, { class: `machines ${size}`, hidden: !open });
  sync(machines, open ? cluster.members : [], (one) => one.id, newMachine, drawMachine);
}

function newMachine() {
  const node = el("button", { type: "button", class: "machine arriving" }, el("b", { "aria-hidden": "true" }), el("span"), el("small"));
  node.onanimationend = () => node.classList.remove("arriving");
  return node;
}

function drawMachine(node, one) {
  const [sign, title, line] = node.children;
  const called = one.name || one.id;
  const load = one.cpu === null ? "" : ` · ${one.cpu}% CPU`;
  set(sign, { text: SIGNS[one.tone] });
  set(title, { text: one.scaling || !one.name ? `…${one.id.slice(-4)}` : called });
  set(line, { text: `${one.word} · ${one.type}${load}` });
  set(node, {
    "data-tone": one.tone,
    "data-loads": Boolean(one.loads),
    "data-instance": one.id,
    title: `${called} ${one.id}\n${one.word}${one.target ? ` (${one.target.state})` : ""} · ${one.type}${load}\n${one.private} ${one.public}`,
    "aria-label": `${called}, ${one.id}, ${one.word}, ${one.type}`,
    onclick: () => select("instance", one.id),
  });
}

function soon() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; drawEdges(); });
}

function drawEdges() {
  const canvas = document.getElementById("edges");
  const home = document.getElementById("tiers").getBoundingClientRect();
  set(canvas, { width: home.width, height: home.height });
  for (const [key, node] of anchors) if (!node.isConnected) anchors.delete(key);
  const placed = edges.filter((edge) => anchors.has(edge.from) && anchors.has(edge.to)).map((edge) => place(edge, home));
  labelled = placed.length <= MOST_LABELLED;
  sync(document.getElementById("lines"), placed, (edge) => `${edge.from} ${edge.to}`, newEdge, drawEdge);
}

function place(edge, home) {
  const a = anchors.get(edge.from).getBoundingClientRect();
  const b = anchors.get(edge.to).getBoundingClientRect();
  const beside = edge.between && Math.abs(a.top - b.top) < 40;
  const from = beside ? [(a.left < b.left ? a.right : a.left) - home.left, a.top + 14 - home.top] : [a.left + a.width / 2 - home.left, a.bottom - home.top];
  const to = beside ? [(a.left < b.left ? b.left : b.right) - home.left, b.top + 14 - home.top] : [b.left + b.width / 2 - home.left, b.top - home.top];
  const zone = edge.between ? null : anchors.get(edge.to).closest(".zone");
  if (zone) return { ...edge, ...into(zone, anchors.get(edge.to), from, to, home) };
  const bend = beside ? 0 : Math.max(12, (to[1] - from[1]) / 2);
  return { ...edge, path: `M${from} C${from[0]},${from[1] + bend} ${to[0]},${to[1] - bend} ${to}`, at: [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2] };
}

// Into a zone an edge leads straight down from its upper border to what is first there, and beside it to all else: not
// behind what stands above.
function into(zone, node, from, to, home) {
  const first = document.querySelector(".zone").getBoundingClientRect();
  const box = zone.getBoundingClientRect();
  const top = first.top - home.top;
  const straight = zone.querySelector(".cluster") === node && box.top - first.top < 4;
  const end = [straight ? to[0] : box.left - home.left - BESIDE, top];
  const bend = Math.max(12, (top - from[1]) / 2);
  const inner = node.getBoundingClientRect();
  const rest = straight ? `L${to}` : `V${inner.top + BAR - home.top}H${inner.left - home.left}`;
  return { path: `M${from} C${from[0]},${from[1] + bend} ${end[0]},${top - bend} ${end}${rest}`, at: [end[0], top - 18] };
}

function newEdge() {
  return svg("g", {}, svg("path", { class: "way" }), svg("path", { class: "flow" }), svg("text"));
}

function drawEdge(node, edge) {
  const [way, flow, text] = node.children;
  const cut = edge.open.of > 0 && !edge.open.rules.length;
  const flows = !cut && edge.rate > 0;
  set(node, { "data-cut": cut, "data-down": Boolean(edge.down), "data-between": Boolean(edge.between) });
  set(way, { d: edge.path });
  set(flow, { d: edge.path, visibility: flows ? "visible" : "hidden", "data-errors": edge.errors > 0.01 });
  // Faster with more requests, in four steps: a speed that changes all the time would start the motion anew.
  set(flow, { "data-speed": flows ? Math.min(4, 1 + Math.floor(Math.log10(Math.max(1, edge.rate)) * 1.5)) : null });
  set(text, { x: edge.at[0] + 5, y: edge.at[1] + 4, text: cut ? "✕ no rule lets this in" : edge.between && labelled ? edge.word : "" });
}

export const number = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1));
export const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
