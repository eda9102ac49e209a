// Stacks: what there is, and deploying a template: its parameters as a form, what will happen, and then the deed.
import { el, set, sync } from "./dom.js";
import { of } from "./state.js";
import { ask } from "./stream.js";
import { confirm, fill, toast } from "./acts.js";

const MOST_BYTES = 51200;
const short = (type) => type.replace("AWS::", "").replaceAll("::", " ");

export const toneOf = (status) => (/FAILED|ROLLBACK/.test(status) ? "bad" : /IN_PROGRESS/.test(status) ? "busy" : "good");

export function begin() {
  const file = el("input", { type: "file", id: "template", class: "hidden", accept: ".yaml,.yml,.json,.template", tabindex: "-1", "aria-label": "A template of your own" });
  file.onchange = () => { if (file.files[0]) own(file.files[0]); file.value = ""; };
  document.getElementById("stacks").append(
    el("div", { id: "deployed" }),
    el("section", { class: "group" }, el("h2", { text: "WhatIsTheTime.com, stage by stage" }), el("p", { class: "faint", text: "One stack, updated from each stage to the next." }), el("ol", { id: "stages" })),
    el("section", { class: "group" }, el("h2", { text: "A template of your own" }), el("button", { type: "button", text: "Choose a file …", onclick: () => file.click() }), file),
  );
}

export function render(show) {
  const stacks = of("stack").sort((a, b) => a[1].name.localeCompare(b[1].name));
  sync(document.getElementById("deployed"), stacks, ([id]) => id, newStack, (node, [id, one]) => drawStack(node, id, one, show));
  sync(document.getElementById("stages"), of("stage").sort(), ([name]) => name, () => el("li", {}, el("span"), el("button", { type: "button", text: "Deploy …" })), (line, [name, one]) => {
    const told = one.title.replace(/^WhatIsTheTime.com, stage \d+: /, "");
    const title = told.charAt(0).toUpperCase() + told.slice(1);
    set(line.firstChild, { text: title });
    set(line.lastChild, { "aria-label": `Deploy ${name.replace("-", " ")}: ${title}`, onclick: () => choose({ stage: name }, `Deploy ${name.replace("-", " ")}`) });
  });
}

function newStack() {
  return el("section", { class: "group stack" },
    el("h2", {}, el("button", { type: "button", class: "plain" }), el("b")),
    el("p", { class: "refused" }), el("dl", { class: "tree" }),
    el("details", {}, el("summary"), el("ul")),
    el("div", { class: "acts" }, el("button", { type: "button", class: "danger", text: "Delete …" })));
}

function drawStack(node, id, one, show) {
  const [head, why, outputs, parts, buttons] = node.children;
  set(head.firstChild, { text: one.name, onclick: () => show("stack", id) });
  set(head.lastChild, { text: one.status, "data-tone": toneOf(one.status) });
  const because = one.why || (toneOf(one.status) === "bad" ? failed(id) : "");
  set(why, { text: because, hidden: !because, class: toneOf(one.status) === "bad" ? "refused" : "faint" });
  set(outputs, { hidden: !one.outputs.length });
  sync(outputs, one.outputs.flatMap(([key, value]) => [["dt", key, key], ["dd", key, value]]), ([tag, key]) => `${tag} ${key}`, ([tag]) => el(tag), (cell, [, , text]) => set(cell, { text }));
  const done = one.resources.filter(([, , status]) => status.endsWith("COMPLETE")).length;
  set(parts, { hidden: !one.resources.length });
  set(parts.firstChild, { text: `${done} of ${one.resources.length} resources complete` });
  sync(parts.lastChild, one.resources, ([name]) => name, () => el("li", {}, el("span"), el("b"), el("small")), (line, [name, type, status, reason]) => {
    const [title, word, small] = line.children;
    set(title, { text: `${name} · ${short(type)}` });
    set(word, { text: status, "data-tone": toneOf(status) });
    set(small, { text: reason, hidden: !reason });
  });
  set(buttons.firstChild, { "aria-label": `Delete the stack ${one.name}`, onclick: () => confirm("Delete the stack", "delete-stack", { stack: one.name }) });
}

// What went wrong first: of a stack that was rolled back its events alone tell it.
function failed(id) {
  const events = of("event").map(([, one]) => one).filter((one) => one.thing === id && one.status.endsWith("_FAILED") && one.message);
  const [first] = events.sort((a, b) => a.at - b.at);
  return first ? `${first.says.split(" ").at(-1)}: ${first.message}` : "";
}

async function own(file) {
  if (file.size > MOST_BYTES) return toast(`${file.name} has ${file.size} bytes; a template is ${MOST_BYTES} at most.`, true);
  const name = file.name.replace(/\.[^.]*$/, "").replace(/[^a-zA-Z0-9-]/g, "-").replace(/^[^a-zA-Z]+/, "") || "mine";
  choose({ template: await file.text(), file: file.name, name }, `Deploy ${file.name}`);
}

// What the template asks for; an answer is needed for what has no default.
async function choose(args, title) {
  let asked;
  try {
    asked = await ask("template", { args });
  } catch (error) {
    return toast(error.message, true);
  }
  const dialog = document.getElementById("ask");
  const name = el("input", { id: "stack-name", required: true, pattern: "[a-zA-Z][a-zA-Z0-9\\-]{0,127}", readonly: "stage" in args });
  name.value = asked.name;
  const fields = asked.parameters.map((one, index) => [one, field(one, `parameter-${index}`)]);
  const refused = el("p", { class: "refused", role: "alert" });
  const next = el("button", { type: "submit", text: "Next …" });
  const form = el("form", { novalidate: true, class: "parameters" },
    labelled("Stack", "", name), ...fields.map(([one, node]) => labelled(one.key, one.says, node)), refused,
    el("div", { class: "buttons" }, el("button", { type: "button", text: "Cancel", onclick: () => dialog.close() }), next));
  form.onsubmit = async (event) => {
    event.preventDefault();
    next.disabled = true;
    set(refused, { text: "" });
    const parameters = Object.fromEntries(fields.map(([one, node]) => [one.key, node.value]));
    await confirm(title, "deploy-stack", { ...args, name: name.value, parameters }, false, (says) => set(refused, { text: says }));
    next.disabled = false;
  };
  fill(dialog, [el("h2", { id: "ask-title", text: title }), asked.says ? el("p", { text: asked.says }) : null, form]);
  if (!dialog.open) dialog.showModal();
  (fields[0]?.[1] ?? name).focus();
}

function field(one, id) {
  const node = one.allowed.length
    ? el("select", { id }, ...one.allowed.map((value) => el("option", { text: value })))
    : el("input", { id, type: one.secret ? "password" : "text", autocomplete: "off", spellcheck: "false" });
  node.value = one.value;
  return node;
}

function labelled(text, says, node) {
  const told = says ? el("small", { id: `${node.id}-says`, text: says }) : null;
  if (told) set(node, { "aria-describedby": told.id });
  return el("div", { class: "field" }, el("label", { for: node.id, text }), node, told);
}
