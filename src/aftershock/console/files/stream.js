// The way to the server.  The token comes behind the # of the address, which browsers send to nobody; it stays in this
// tab's own storage, and goes along in a header that no other page can make the browser send.

const STORED = "aftershock-console-token";
const AGAIN_MS = 1000;

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
  const answer = await fetch(`/api/${path}`, {
    method: "POST",
    headers: { ...bearer(), "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error);
  return said;
}

// Calls `onEvent` with each event for as long as the page is open, and `onStanding` with how the connection is.
export async function follow(onEvent, onStanding) {
  for (;;) {
    try {
      const answer = await fetch("/api/events", { headers: bearer() });
      if (!answer.ok) {
        onStanding((await answer.json()).error);
        if (answer.status === 401) await changedToken();
      } else {
        onStanding(null);
        await read(answer.body, onEvent);
        onStanding("The console has ended; trying again …");
      }
    } catch {
      onStanding("The console does not answer: is the region up? Trying again …");
    }
    await new Promise((done) => setTimeout(done, AGAIN_MS));
  }
}

const changedToken = () => new Promise((done) => addEventListener("hashchange", done, { once: true }));

// https://html.spec.whatwg.org/multipage/server-sent-events.html, as far as our server uses it: lines "data: JSON".
async function read(body, onEvent) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) if (block.startsWith("data: ")) onEvent(JSON.parse(block.slice(6)));
  }
}
