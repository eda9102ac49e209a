// From facts to what the map shows: tiers, zones, clusters of machines, and the paths between them.  No DOM here.
import { of, fact, now } from "./state.js";

const WORST = ["unhealthy", "unhealthy.draining", "initial", "draining", "unused", "unavailable", "healthy"];
const EVERYBODY = "0.0.0.0/0";
// What was measured longer ago than three of AWS's minutes and the longest rest between two looks is not now.
export const recently = (pace = 1) => now() - 3.5 * (60 / pace) - 6;
export const FOLD_FROM = 60; // machines on the map from which on clusters begin folded

export function model() {
  const health = healthByTarget();
  const zones = new Map(of("zone").map(([name, zone]) => [name, { name, ...zone, subnets: [], count: 0 }]));
  const subnets = new Map(of("subnet").map(([id, one]) => [id, { id, ...one, clusters: new Map() }]));
  const instances = of("instance").map(([id, one]) => condition({ id, ...one }, health.get(id), zones.get(one.zone)));
  for (const one of instances) {
    const home = subnets.get(one.subnet);
    if (!home) continue;
    const key = `${one.subnet} ${one.scaling || one.name || "instances"}`;
    const cluster = home.clusters.get(key) ?? { key, title: one.scaling || one.name || "instances", scaling: one.scaling, zone: one.zone, members: [] };
    cluster.members.push(one);
    home.clusters.set(key, cluster);
    zones.get(one.zone).count += 1;
  }
  const balancers = of("balancer").map(([arn, one]) => ({ arn, ...one, ...traffic(arn), targets: targetsOf(arn) }));
  const used = new Set(balancers.flatMap((one) => one.zones));
  const vpcs = new Set([...instances.map((one) => subnets.get(one.subnet)?.vpc), ...balancers.map((one) => one.vpc)]);
  for (const subnet of subnets.values()) {
    const zone = zones.get(subnet.zone);
    const holds = subnet.clusters.size > 0 || balancers.some((one) => one.subnets.includes(subnet.id));
    if (zone && holds) zone.subnets.push({ ...subnet, clusters: [...subnet.clusters.values()] });
  }
  const shown = [...zones.values()].filter((zone) => zone.count || used.has(zone.name) || zone.out.length);
  const sorted = (shown.length ? shown : [...zones.values()].slice(0, 3)).sort((a, b) => a.name.localeCompare(b.name));
  for (const zone of sorted) {
    zone.subnets.sort((a, b) => b.public - a.public || a.id.localeCompare(b.id));
    for (const subnet of zone.subnets) {
      subnet.several = vpcs.size > 1;
      subnet.clusters.sort((a, b) => Boolean(b.scaling) - Boolean(a.scaling) || a.title.localeCompare(b.title));
      for (const one of subnet.clusters) one.members.sort((a, b) => a.id.localeCompare(b.id));
    }
  }
  const found = { instances, balancers, zones: sorted, hidden: [...zones.values()].filter((zone) => !sorted.includes(zone)), names: names() };
  return { ...found, edges: edges(found) };
}

function healthByTarget() {
  const found = new Map();
  for (const [, group] of of("targets")) {
    for (const [target, [state, reason]] of Object.entries(group.health)) {
      const known = found.get(target);
      if (!known || WORST.indexOf(state) < WORST.indexOf(known.state)) found.set(target, { state, reason, group: group.name });
    }
  }
  return found;
}

// One word for the colour, and one line for people: what the API says, the worst first.
function condition(one, target, zone) {
  const [tone, word] = toned(one, target, zone);
  return { ...one, tone, word, target };
}

function toned(one, target, zone) {
  if (one.state === "running") {
    if (zone?.out.includes("power")) return ["bad", "no power"];
    if (one.check === "impaired") return ["bad", "impaired"];
    if (target?.state.startsWith("unhealthy")) return ["bad", target.reason.replace("Target.", "") || "unhealthy"];
    if (target?.state === "initial") return ["busy", "initial"];
    if (target?.state.includes("draining")) return ["busy", "draining"];
    if (zone?.out.includes("network")) return ["bad", "cut off"];
    if (target?.state === "healthy") return ["good", "healthy"];
    if (one.check === "initializing") return ["good", "running"];
    return ["good", "running"];
  }
  if (one.state === "pending") return ["busy", "pending"];
  return ["off", one.state];
}

function targetsOf(arn) {
  const found = new Map();
  for (const [, group] of of("targets")) {
    if (!group.balancers.includes(arn)) continue;
    for (const [target, [state]] of Object.entries(group.health)) found.set(target, { state, port: group.port });
  }
  return found;
}

// Requests in a second and the share of errors, as last measured; a minute of AWS's that is over is not now.
export function traffic(arn) {
  const told = fact(`traffic:${arn}`);
  const { pace, window_s: window } = fact("region:") ?? { pace: 1 };
  if (!told) return { rate: null, errors: null, latency: null, byZone: {} };
  const minute = 60 / pace;
  const recent = recently(pace);
  const latest = (point) => (point && point[0] >= recent ? point[1] : 0);
  const last = (series) => latest(series?.[series.length - 1]);
  const requests = last(told.series.requests);
  const failed = last(told.series.errors) + last(told.series.refused);
  const byZone = Object.fromEntries(Object.entries(told.zones).map(([zone, one]) => [zone, latest(one.requests) / minute]));
  return {
    rate: requests / minute,
    errors: requests || failed ? failed / Math.max(requests, failed) : 0,
    latency: told.series.latency ? last(told.series.latency) : null,
    byZone,
    window,
  };
}

function names() {
  const found = new Map();
  for (const [key, one] of of("name")) {
    if (!["A", "AAAA", "CNAME"].includes(one.type)) continue;
    const known = found.get(one.name) ?? { key, name: one.name, type: one.type, aliases: [], values: [], ttl: one.ttl };
    if (one.alias) known.aliases.push(one.alias);
    known.values.push(...one.values);
    found.set(one.name, known);
  }
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name)).slice(0, 12);
}

function edges({ names: named, balancers, zones }) {
  const found = [];
  const clusters = zones.flatMap((zone) => zone.subnets.flatMap((subnet) => subnet.clusters));
  const reached = new Set();
  for (const name of named) {
    let rate = 0;
    for (const one of balancers) {
      const leads = name.aliases.includes(one.dns) || name.values.some((value) => value.replace(/\.$/, "") === one.dns);
      if (!leads) continue;
      reached.add(one.arn);
      rate += one.rate ?? 0;
      found.push({ from: name.name, to: one.arn, rate: one.rate, errors: one.errors, open: allows(one.groups, EVERYBODY), word: "alias" });
    }
    for (const cluster of clusters) {
      if (cluster.members.some((one) => one.public && name.values.includes(one.public))) {
        found.push({ from: name.name, to: cluster.key, rate: null, open: clusterOpen(cluster, EVERYBODY), word: "A" });
        reached.add(cluster.key);
      }
    }
    found.push({ from: "internet", to: name.name, rate, errors: 0, open: { rules: [] }, word: "" });
  }
  for (const one of balancers) {
    if (one.scheme === "internet-facing" && !reached.has(one.arn)) {
      found.push({ from: "internet", to: one.arn, rate: one.rate, errors: one.errors, open: allows(one.groups, EVERYBODY), word: "" });
    }
    for (const cluster of clusters) {
      const targets = cluster.members.filter((member) => one.targets.has(member.id));
      if (!targets.length) continue;
      const served = targets.filter((member) => ["healthy", "unhealthy"].includes(one.targets.get(member.id).state) && member.tone === "good");
      const open = one.groups.length ? clusterOpen(cluster, ...one.groups) : clusterOpen(cluster, EVERYBODY);
      found.push({ from: one.arn, to: cluster.key, rate: served.length ? one.rate : 0, errors: one.errors, open, word: `:${one.targets.get(targets[0].id).port ?? ""}`, down: !served.length && targets.some((member) => member.tone === "bad") });
    }
  }
  for (const cluster of clusters) {
    if (!reached.has(cluster.key) && !cluster.members.some((one) => one.target) && cluster.members.some((one) => one.public)) {
      const open = clusterOpen(cluster, EVERYBODY);
      if (open.rules.length) found.push({ from: "internet", to: cluster.key, rate: null, open, word: open.rules.map((rule) => rule.ports).join(", ") });
    }
    for (const peer of clusters) {
      if (peer === cluster || found.length > 60) continue;
      const open = clusterOpen(cluster, ...new Set(peer.members.flatMap((one) => one.groups)));
      open.rules = open.rules.filter((rule) => rule.from !== EVERYBODY); // what everybody may is said by the internet's path
      if (open.rules.length) found.push({ from: peer.key, to: cluster.key, rate: null, open, word: open.rules.map((rule) => rule.ports).join(", "), between: true });
    }
  }
  return found;
}

const clusterOpen = (cluster, ...peers) => allows([...new Set(cluster.members.flatMap((one) => one.groups))], ...peers);

// The rules of these security groups that let one of the peers in; a rule for everybody lets everybody in.
function allows(groups, ...peers) {
  const everybody = peers.some((peer) => peer.includes("/")) ? [] : [EVERYBODY];
  const wanted = new Set([...peers, ...everybody]);
  const rules = groups.flatMap((group) => (fact(`group:${group}`)?.rules ?? []).filter((rule) => wanted.has(rule.from)).map((rule) => ({ ...rule, group })));
  return { rules, of: groups.length };
}
