"""The report's looks, light and dark, with nothing fetched from anywhere.  Colours are told apart by all eyes: served
and failed differ in brightness too, and nothing is said by colour alone."""

STYLE = """
:root { color-scheme: light dark; --ground: #fdfdfc; --text: #1c1e21; --soft: #5c6269; --line: #d9dce0;
  --panel: #f3f4f6;
  --served: #5b8fc9; --failed: #b3261e; --held: #1a6b3c; --mark: #7a4b00; --machines: #6a3fa0; --zone: #eaf1f8;
  --dark-zone: #f6dedb; --balancer: #fff3d6; --machine: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --ground: #16181b; --text: #e8eaed; --soft: #a3abb4; --line: #3a3f45;
  --panel: #202327; --served: #6ba4e0; --failed: #ff8a80; --held: #7fd6a0; --mark: #f0c070; --machines: #c3a4f0;
  --zone: #1d2733; --dark-zone: #4a2422; --balancer: #3c3320; --machine: #16181b; } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem 1rem 4rem; background: var(--ground);
  color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif }
h1 { margin: 0; font-size: 1.9rem } h2 { margin: 0 0 .3rem; font-size: 1.3rem }
h3 { margin: 1.4rem 0 .3rem; font-size: 1rem }
p { margin: .4rem 0; max-width: 48rem } .soft { color: var(--soft) } a { color: inherit }
section { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 1.2rem }
.claim { border-left: 3px solid var(--line); padding-left: .8rem; font-size: 1.05rem }
.verdict { font-weight: 600 } .held { color: var(--held) } .not-held { color: var(--failed) }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
caption { text-align: left; color: var(--soft); padding-bottom: .3rem }
th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
thead th { color: var(--soft); font-weight: 600; font-size: .9rem } td.number, th.number { text-align: right }
td.number { white-space: nowrap }
table.stages { min-width: 58rem }
table.stages th[scope=row] { font-weight: 500; min-width: 15rem }
ol.marks { columns: 2 20rem; padding-left: 1.4rem; margin: .4rem 0 }
figure { margin: .8rem 0; overflow-x: auto } figcaption { color: var(--soft); font-size: .9rem }
svg { width: 100%; min-width: 44rem; height: auto; display: block; background: var(--panel); border-radius: 6px }
svg text { fill: var(--text); font: 12px system-ui, sans-serif }
svg .small, svg .tick { font-size: 10.5px; fill: var(--soft) }
svg .label { font-size: 12px } svg .zone-name { font-weight: 600 }
svg .grid { stroke: var(--line) } svg .axis { stroke: var(--soft) }
svg .served { fill: var(--served) } svg .failed { fill: var(--failed) }
svg .worst { stroke: var(--served); stroke-width: 1 } svg .median { fill: var(--text) }
svg .machines { fill: none; stroke: var(--machines); stroke-width: 2 } svg .machines-label { fill: var(--machines) }
svg .mark { stroke: var(--mark); stroke-dasharray: 4 3 } svg .mark-number { fill: var(--mark) }
svg .mark-label { fill: var(--ground); font-size: 10px; font-weight: 700 }
svg rect.zone { fill: var(--zone); stroke: var(--line) }
svg rect.dark { fill: var(--dark-zone); stroke: var(--failed) }
svg rect.balancer { fill: var(--balancer); stroke: var(--mark) }
svg rect.name, svg rect.visitors { fill: var(--machine);
  stroke: var(--soft) } svg rect.machine { fill: var(--machine); stroke: var(--served); stroke-width: 1.5 }
svg rect.unwell { stroke: var(--failed); stroke-dasharray: 4 3 } svg .arrow { stroke: var(--soft) }
svg .arrow-head { fill: var(--soft) }
.key span { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin: 0 .3em 0 1em }
@media print { section { break-inside: avoid } }
"""
