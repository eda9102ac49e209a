"""The report's looks, light and dark and on paper, with nothing fetched from anywhere.  Colours are told apart by all
eyes: served and failed differ in brightness too, and nothing is said by colour alone."""

STYLE = """
:root { color-scheme: light dark; --ground: #fdfdfc; --text: #1c1e21; --soft: #565c63; --line: #d9dce0;
  --panel: #f5f6f7; --served: #5b8fc9; --failed: #b3261e; --held: #17633a; --held-ground: #e3f1e8;
  --failed-ground: #fbe6e4; --mark: #7a4b00; --machines: #6a3fa0; --zone: #e9f0f8; --dark-zone: #f6dedb;
  --balancer: #fff3d6; --machine: #ffffff; }
@media screen and (prefers-color-scheme: dark) { :root { --ground: #16181b; --text: #e8eaed; --soft: #a9b1ba;
  --line: #3a3f45; --panel: #202327; --served: #5f97d3; --failed: #ff8a80; --held: #7fd6a0; --held-ground: #1d3427;
  --failed-ground: #46211f; --mark: #f0c070; --machines: #c3a4f0; --zone: #1d2733; --dark-zone: #4a2422;
  --balancer: #3c3320; --machine: #16181b; } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 64rem; padding: 2rem 1.25rem 4rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word }
h1 { margin: 0; font-size: 1.9rem; line-height: 1.2 } h2 { margin: 0 0 .5rem; font-size: 1.4rem; line-height: 1.25 }
h3 { margin: 1.8rem 0 .4rem; font-size: 1rem }
p { margin: .5rem 0; max-width: 46rem } .soft { color: var(--soft) } a { color: inherit }
a:focus-visible, summary:focus-visible, .wide:focus-visible { outline: 2px solid var(--served); outline-offset: 2px }
section { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1.6rem }
.claim { border-left: 3px solid var(--served); padding-left: .9rem; font-size: 1.1rem }
.verdict { font-weight: 600 } .held { color: var(--held) } .not-held { color: var(--failed) }
.badge { display: inline-block; padding: 0 .55em; border-radius: 1em; font-size: .85rem; font-weight: 600;
  white-space: nowrap; border: 1px solid currentColor }
.badge.held { background: var(--held-ground) } .badge.not-held { background: var(--failed-ground) }
.contents { list-style: none; margin: 1.4rem 0 0; padding: 0 }
.contents li { display: flex; flex-wrap: wrap; gap: .1rem 1rem; align-items: baseline; padding: .35rem 0;
  border-top: 1px solid var(--line) }
.contents a { flex: 1 1 16rem; min-width: 0 } .contents .soft { flex: 1 1 21rem; min-width: 0 }
.contents .badge { flex: 0 0 5.4em; text-align: center }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
caption { text-align: left; color: var(--soft); padding-bottom: .3rem }
th, td { text-align: left; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line);
  vertical-align: baseline }
th[scope=row] { font-weight: 500; min-width: 8rem; overflow-wrap: anywhere }
thead th { color: var(--soft); font-weight: 600; font-size: .9em;
  vertical-align: bottom }
td.number, th.number { text-align: right } td.number { white-space: nowrap }
table.stages { min-width: 60rem } table.stages th[scope=row] { min-width: 15rem }
dl.facts { display: flex; flex-wrap: wrap; gap: .8rem 2.2rem; margin: .6rem 0 1.2rem }
.facts dt { color: var(--soft); font-size: .9rem } dl.facts dd { margin: 0; font-size: 1.15rem; font-weight: 600;
  font-variant-numeric: tabular-nums }
dl.meant { max-width: 46rem; margin: 0 } .meant dt { font-weight: 600 } .meant dd { margin: 0 0 .6rem }
details { margin-top: .6rem } summary { cursor: pointer; color: var(--soft) } details ul { margin: .4rem 0 }
ol.marks { columns: 2 20rem; padding-left: 1.6rem; margin: .6rem 0 1rem }
.marks li { break-inside: avoid } .marks li::marker { color: var(--mark); font-weight: 700 }
.marks b { font-weight: 600; font-variant-numeric: tabular-nums }
figure { margin: .6rem 0 } figcaption { color: var(--soft); font-size: .9rem; margin-top: .3rem }
.scenes { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; align-items: flex-start }
.scenes figure { max-width: 100% }
svg { display: block; background: var(--panel); border-radius: 8px }
svg.timeline { width: 100%; min-width: 44rem; height: auto }
svg text { fill: var(--text); font: 12px system-ui, sans-serif }
svg .small, svg .tick { font-size: 10.5px; fill: var(--soft) }
svg .panel-name { font-size: 11px; font-weight: 600; paint-order: stroke; stroke: var(--panel); stroke-width: 6px }
svg .zone-name { font-weight: 600 } svg .group-name { font-size: 10.5px; font-weight: 600; fill: var(--machines) }
svg .grid { stroke: var(--line) } svg .axis { stroke: var(--soft) }
svg .served { fill: var(--served) } svg .failed { fill: var(--failed) }
svg .worst { stroke: var(--served); stroke-width: 1.2 } svg .median { fill: var(--text) }
svg .machines { fill: none; stroke: var(--machines); stroke-width: 2 }
svg .mark { fill: none; stroke: var(--mark); stroke-dasharray: 4 3 } svg .mark-number { fill: var(--mark) }
svg .mark-label { fill: var(--ground); font-size: 10px; font-weight: 700 }
svg .zone { fill: var(--zone); stroke: var(--line) } svg .dark { fill: var(--dark-zone); stroke: var(--failed) }
svg .balancer { fill: var(--balancer); stroke: var(--mark) }
svg .group { fill: none; stroke: var(--machines); stroke-dasharray: 6 3 }
svg .name, svg .visitors { fill: var(--machine); stroke: var(--soft) }
svg .machine { fill: var(--machine); stroke: var(--served); stroke-width: 1.5 } svg .new { stroke-width: 3 }
svg .unwell { stroke: var(--failed); stroke-dasharray: 4 3 }
svg .arrow { fill: none; stroke: var(--soft) } svg .arrow-head { fill: var(--soft) }
.key { display: block } .swatch { display: inline-block; width: .8em; height: .8em; border-radius: 2px;
  margin-right: .35em; print-color-adjust: exact }
.swatch ~ .swatch { margin-left: 1.2em }
.swatch.served { background: var(--served) } .swatch.failed { background: var(--failed) }
.swatch.mark { background: var(--mark); border-radius: 50% }
@media (max-width: 40rem) { body { padding: 1.2rem 1rem 3rem } h1 { font-size: 1.6rem }
  .contents a, .contents .soft { flex-basis: 100% } th, td { padding-right: .5rem }
  td:nth-child(2) { min-width: 5.2rem }
  svg.narrow { max-width: 100%; height: auto } }
@media print { @page { margin: 14mm } body { max-width: none; padding: 0; font-size: .9rem }
  h1 { font-size: 1.5rem } dl.facts { gap: .8rem 1.5rem } .contents li { flex-wrap: nowrap }
  h2, h3, .claim, .verdict { break-after: avoid } figure, p, tr, li, dl.facts { break-inside: avoid }
  svg, svg.timeline, table.stages { max-width: 100%; min-width: 0; height: auto } .wide { overflow: visible }
  table.stages { font-size: .7rem } table.stages th[scope=row] { min-width: 6rem }
  th, td { padding-right: .5em } .badge { font-size: .85em } }
"""
