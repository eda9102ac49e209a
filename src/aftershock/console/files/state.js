// What the server has told: a table of facts by key, what happened, and samples of how many instances run.

const KEPT = 200;

export const state = { facts: new Map(), happened: [], samples: [], connected: false, ahead: 0 };

// Now by the console's clock, in seconds: the browser may be on another machine, and have another one.
export const now = () => Date.now() / 1000 + state.ahead;

export function apply(event) {
  if (event.whole) {
    state.facts.clear();
    state.happened = [];
    state.samples = [];
  }
  const at = event.at ?? event.sample?.[0];
  if (at) state.ahead = at - Date.now() / 1000;
  for (const [key, fact] of Object.entries(event.set ?? {})) state.facts.set(key, fact);
  for (const key of event.gone ?? []) state.facts.delete(key);
  state.happened.push(...(event.happened ?? []));
  state.samples.push(...(event.samples ?? []), ...(event.sample ? [event.sample] : []));
  state.happened.splice(0, state.happened.length - KEPT);
  state.samples.splice(0, state.samples.length - KEPT);
}

// The facts of a kind, as pairs of the thing's id and its fact.
export function of(kind) {
  const found = [];
  for (const [key, fact] of state.facts) {
    if (key.startsWith(`${kind}:`)) found.push([key.slice(kind.length + 1), fact]);
  }
  return found;
}

export const fact = (key) => state.facts.get(key);
