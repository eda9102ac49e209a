// The lab: experiments that can be run in this region, the one that is under way, and what earlier ones have shown.
import { el, set, sync } from "./dom.js";
import { of } from "./state.js";
import { confirm } from "./acts.js";

const when = (at) => new Date(at * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
let shown = 0;

export function render() {
  const claims = of("claim").sort();
  const [last, ...earlier] = of("run").sort((a, b) => b[0].localeCompare(a[0]));
  const busy = Boolean(last?.[1].live);
  const parts = [
    { key: `last ${last?.[0]}`, show: last, make: () => newLast(busy), draw: (node) => drawLast(node, last[1], claims) },
    { key: "claims", show: claims.length, make: newClaims, draw: (node) => drawClaims(node, claims, busy) },
    { key: "runs", show: earlier.length, make: newEarlier, draw: (node) => sync(node.lastChild, earlier, ([id]) => id, newRun, (line, [, one]) => drawRun(line, one, claims)) },
  ];
  sync(document.getElementById("lab"), parts.filter((one) => one.show), (one) => one.key, (one) => one.make(), (node, one) => one.draw(node));
}

const newEarlier = () => el("section", { class: "group" }, el("h2", { text: "Earlier reports" }), el("ul", { class: "runs" }));

// The latest run: while it is under way what is told, and then what came of it.
function newLast(open) {
  return el("section", { class: "group" },
    el("h2"), el("ul", { class: "runs" }),
    el("details", { open }, el("summary", { text: "What happened" }), el("div", { class: "told", role: "log", tabindex: "0", "aria-label": "What happened" }, el("ol"))),
    el("p", { class: "faint now" }),
    el("button", { type: "button", class: "danger", text: "Stop it …", onclick: () => confirm("Stop the experiment", "stop-run", {}) }));
}

function drawLast(node, one, claims) {
  const [title, result, box, now, stop] = node.children;
  set(title, { text: one.live ? (one.ended ? "Cleaning up" : `Under way: ${named(one, claims)}`) : "The last run" });
  sync(result, one.live ? [] : [one], () => "over", newRun, (line) => drawRun(line, one, claims));
  const told = box.lastChild;
  const follows = told.scrollTop + told.clientHeight >= told.scrollHeight - 4;
  sync(told.firstChild, one.lines.map((line, index) => [index, ...line]), ([index]) => String(index), () => el("li", {}, el("small"), el("span")), (line, [, at, text]) => {
    set(line.firstChild, { text: `${at.toFixed(1)} s` });
    set(line.lastChild, { text });
  });
  // Only where nobody has scrolled back to read.
  if (follows && told.firstChild.childElementCount !== shown) told.scrollTop = told.scrollHeight;
  shown = told.firstChild.childElementCount;
  set(now, { text: one.now, hidden: !one.now });
  set(stop, { hidden: !one.live || Boolean(one.ended) });
}

function newClaims() {
  return el("section", { class: "group" },
    el("h2", { text: "Experiments" }),
    el("p", { class: "faint" }),
    el("button", { type: "button", text: "Run the whole story …", onclick: () => confirm("Run the whole story", "run-story", {}, false) }),
    el("ol", { class: "claims" }));
}

function drawClaims(node, claims, busy) {
  const [, says, all, list] = node.children;
  const way = [...of("stack").map(([, one]) => one.name), ...of("instance").map(([id, one]) => one.name || id)];
  const more = way.length > 3 ? ` and ${way.length - 3} more` : "";
  const blocked = way.length ? `An experiment starts in an empty account. In the way: ${way.slice(0, 3).join(", ")}${more}.` : "Each deploys its stage here, lets something happen to it under load, measures, and removes the stack.";
  set(says, { text: busy ? "One at a time, and nothing else meanwhile: the console looks at the region seldom now." : blocked, hidden: false });
  set(all, { hidden: busy });
  sync(list, claims, ([name]) => name, () => el("li", {}, el("details", {}, el("summary"), el("p")), el("button", { type: "button", text: "Run …" })), (line, [name, one]) => {
    const [box, run] = line.children;
    set(box.firstChild, { text: `${one.stage}. ${one.title}` });
    set(box.lastChild, { text: one.claim });
    set(run, { hidden: busy, "aria-label": `Run the experiment ${one.stage}, ${one.title}`, onclick: () => confirm("Run the experiment", "run-experiment", { name }, false) });
  });
}

const named = (one, claims) => (one.names.length === 1 ? claims.find(([name]) => name === one.names[0])?.[1].title ?? one.names[0] : `the story, ${one.names.length} experiments`);

function newRun() {
  return el("li", {}, el("div", {}, el("time"), el("b")), el("span"), el("p", { class: "refused" }), el("a", { target: "_blank", rel: "noopener noreferrer" }));
}

function drawRun(line, one, claims) {
  const [head, title, why, link] = line.children;
  const held = one.claims.filter(([, holds]) => holds).length;
  const all = one.claims.length > 0 && held === one.claims.length && !one.why;
  const said = one.names.length === 1 ? (all ? "held" : one.claims.length ? "not held" : "not run") : `${held} of ${one.names.length} held`;
  set(head.firstChild, { text: when(one.began), datetime: new Date(one.began * 1000).toISOString() });
  set(head.lastChild, { text: said, "data-tone": all ? "good" : "bad" });
  set(title, { text: named(one, claims) });
  const broken = one.claims.map(([, , why]) => why).filter(Boolean);
  const left = one.clean ? [] : ["What it has made could not all be removed: look at the stacks and zones."];
  const says = [one.why, ...broken, ...left].filter(Boolean).join(" · ");
  set(why, { text: says, hidden: !says });
  set(link, { href: one.report || null, hidden: !one.report, text: "Open the report", "aria-label": `Open the report of ${named(one, claims)}, ${when(one.began)}` });
}
