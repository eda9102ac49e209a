// The way to the server.  The token comes behind the # of the address, which browsers send to nobody; it stays in this
// tab's own storage, and goes along in a header that no other page can make the browser send.

const STORED = "aftershock-console-token";
const AGAIN_MS = 1000;
// Until a console has told how often it gives a sign of life; silence of so many such times is the end of a connection.
const STILL_S = 10, SILENT = 2.5;

function token() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem(STORED, given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(STORED) ?? "";
}

const bearer = () => ({ Authorization: `Bearer ${token()}` });

// A refusal is thrown as an Error with the server's sentence.
export async function ask(path, body) {
  let answer;
  try {
    answer = await fetch(`/api/${path}`, {
      method: "POST",
      headers: { ...bearer(), "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("The console does not answer: is the region up?");
  }
  const said = await answer.json().catch(() => ({ error: `The console answers ${answer.status}, and nothing that can be read.` }));
  if (!answer.ok) throw new Error(said.error);
  return said;
}

// A browser has six connections to a server.  Of many tabs, those that nobody looks at give theirs to one that is looked at.
const tabs = new BroadcastChannel("aftershock-console");
let giveWay = () => {};
tabs.onmessage = () => { if (document.hidden) giveWay(); };
document.addEventListener("visibilitychange", () => { if (!document.hidden) tabs.postMessage("room"); });
const lookedAt = () => new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));

// Calls `onEvent` with each event for as long as the page is open, and `onStanding` with how the connection is.
export async function follow(onEvent, onStanding) {
  let stillS = STILL_S;
  tabs.postMessage("room");
  for (;;) {
    const connection = new AbortController();
    let silence, away = false, silent = false;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => { silent = true; connection.abort(); }, SILENT * stillS * 1000);
    };
    giveWay = () => { away = true; connection.abort(); };
    heard();
    try {
      const answer = await fetch("/api/events", { headers: bearer(), signal: connection.signal });
      if (!answer.ok) {
        onStanding((await answer.json()).error);
        clearTimeout(silence);
        if (answer.status === 401) await changedToken();
      } else {
        onStanding(null);
        await read(answer.body, heard, (event) => {
          stillS = event.still_s ?? stillS;
          onEvent(event);
        });
        onStanding("The console has ended; trying again …");
      }
    } catch {
      onStanding(away ? "This tab was in the background; looking again …"
        : silent ? "The console says nothing any more: this picture is the last one seen. Trying again …"
        : "The console does not answer: is the region up? Trying again …");
    }
    clearTimeout(silence);
    if (away && document.hidden) await lookedAt();
    if (!away) await new Promise((done) => setTimeout(done, AGAIN_MS));
  }
}

const changedToken = () => new Promise((done) => addEventListener("hashchange", done, { once: true }));

// https://html.spec.whatwg.org/multipage/server-sent-events.html, as far as our server uses it: lines "data: JSON".
async function read(body, heard, onEvent) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    heard();
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) if (block.startsWith("data: ")) onEvent(JSON.parse(block.slice(6)));
  }
}
