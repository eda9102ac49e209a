// Acts: what will happen is shown, with the commands that would do the same, before anything is done.
import { el, set } from "./dom.js";
import { ask } from "./stream.js";

const TOAST_MS = 12000, COPIED_MS = 2000;

// Ask for confirmation of an act, do it, and offer to undo it where that can be.
export async function confirm(title, act, args, danger = true, onRefused = (says) => toast(says, true)) {
  const dialog = document.getElementById("ask");
  let planned;
  try {
    planned = await ask("plan", { act, args });
  } catch (error) {
    return onRefused(error.message);
  }
  const go = el("button", { type: "button", class: danger ? "danger" : "", text: title });
  const leave = el("button", { type: "button", text: "Cancel", onclick: () => dialog.close() });
  const refused = el("p", { class: "refused", role: "alert" });
  go.onclick = async () => {
    go.disabled = true;
    try {
      const done = await ask("do", { act, args });
      dialog.close();
      toast(`Asked for: ${title}`, false, done.again?.act ? () => confirm("Undo", done.again.act, done.again.args, false) : null);
    } catch (error) {
      go.disabled = false;
      set(refused, { text: error.message });
    }
  };
  fill(dialog, [
    el("h2", { id: "ask-title", text: title }),
    el("p", { text: planned.says }),
    planned.details?.length ? el("ul", { class: "changes", tabindex: "0", "aria-label": "Resource by resource" }, ...planned.details.map((one) => el("li", { text: one }))) : null,
    planned.commands.length ? el("h3", { text: planned.commands[0].startsWith("aftershock ") ? "The same on the command line" : "The same with the AWS CLI" }) : null,
    planned.commands.length ? commandBlock(planned.commands.join("\n")) : null,
    refused,
    el("div", { class: "buttons" }, leave, go),
  ]);
  if (!dialog.open) dialog.showModal();
  leave.focus();
}

export const fill = (dialog, nodes) => dialog.replaceChildren(...nodes.filter(Boolean));

export function commandBlock(text) {
  const copy = el("button", { type: "button", class: "copy", text: "Copy", "aria-label": "Copy the command" });
  copy.onclick = async () => {
    const copied = await navigator.clipboard.writeText(text).then(() => true, () => false);
    if (!copied) getSelection().selectAllChildren(copy.previousSibling);
    set(copy, { text: copied ? "Copied" : "Selected" });
    setTimeout(() => set(copy, { text: "Copy" }), COPIED_MS);
  };
  return el("div", { class: "command" }, el("pre", { tabindex: "0", text }), copy);
}

export function toast(text, bad, undo) {
  const box = el("div", { class: "toast", "data-bad": bad }, el("span", { text }));
  if (undo) box.append(el("button", { type: "button", text: "Undo …", onclick: undo }));
  document.getElementById("toasts").append(box);
  const leave = () => (box.matches(":hover, :focus-within") ? setTimeout(leave, COPIED_MS) : box.remove());
  setTimeout(leave, TOAST_MS);
}

// A load has a target, a rate and a time to be chosen first.
export function chooseLoad(targets) {
  const dialog = document.getElementById("ask");
  if (!targets.length) return toast("There is nothing to send requests to: no load balancer, name or public address.", true);
  const url = el("select", { id: "load-url" }, ...targets.map((one) => el("option", { text: one })));
  const rate = el("input", { id: "load-rate", type: "number", min: 1, max: 500, value: 50 });
  const minutes = el("input", { id: "load-minutes", type: "number", min: 1, max: 60, value: 5 });
  const field = (name, node) => el("label", { for: node.id }, el("span", { text: name }), node);
  const go = el("button", { type: "button", text: "Next …" });
  go.onclick = () => {
    dialog.close();
    confirm("Start the load", "start-load", { url: url.value, rate: rate.valueAsNumber, minutes: minutes.valueAsNumber }, false);
  };
  dialog.replaceChildren(
    el("h2", { id: "ask-title", text: "Start a load" }),
    el("p", { text: "A small machine in the region asks for a page, over and over." }),
    field("What to ask for", url), field("Requests in a second", rate), field("For how many minutes", minutes),
    el("div", { class: "buttons" }, el("button", { type: "button", text: "Cancel", onclick: () => dialog.close() }), go),
  );
  dialog.showModal();
  url.focus();
}
