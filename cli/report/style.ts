/**
 * The page's style. Text and marks keep at least 4.5:1 against their ground (WCAG 2.1 §1.4.3, §1.4.11 asks 3:1 of
 * graphics); nothing is said by colour alone; it reads on 320 px, on paper and in black and white.
 */
export const STYLE = `
:root { --ink: #1a1d21; --soft: #4a5158; --rule: #c9ced4; --ground: #f4f6f8; --blue: #0b4f8a; --orange: #a34a00; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 2rem 1.5rem 4rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 .9rem; }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .5rem; }
section { margin-top: 2.75rem; padding-top: 1.5rem; border-top: 1px solid var(--rule); }
p { margin: 0 0 .8rem; max-width: 46rem; }
a { color: var(--blue); }
a:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 3px solid var(--blue); outline-offset: 2px; }
sup { line-height: 0; } sup a { text-decoration: none; padding: 0 .15em; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; font-size: .875em; overflow-wrap: anywhere; }
pre { background: var(--ground); border: 1px solid var(--rule); padding: .6rem .8rem; margin: .4rem 0 1rem; white-space: pre-wrap; }
.kicker { text-transform: uppercase; letter-spacing: .08em; font-size: .8rem; font-weight: 600; color: var(--soft); margin: 0 0 .3rem; }
.facts { color: var(--soft); margin-bottom: 1.4rem; }
.lead { font-size: 1.125rem; max-width: 50rem; }
.note, .footnote, .hint { font-size: .875rem; color: var(--soft); }
.footnote { margin-top: 2.75rem; padding-top: 1rem; border-top: 3px double var(--rule); }
.banner { border: 2px solid var(--ink); border-left-width: .7rem; padding: .9rem 1.1rem; margin: 0 0 1rem; background: #fff; }
.banner.strong { background: #fff3cd; }
.banner p { margin: 0; max-width: none; } .banner-title { font-weight: 700; font-size: 1.1rem; }
.figures { display: grid; grid-template-columns: repeat(4, 1fr); margin: 1.4rem 0 .8rem; border: solid var(--rule); border-width: 1px 0 0 1px; }
.figures div { border: solid var(--rule); border-width: 0 1px 1px 0; padding: .8rem 1rem; }
.figures dt { font-size: .875rem; color: var(--soft); } .figures dd { margin: .1rem 0 0; font-size: 1.6rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.5rem 2.5rem; align-items: start; margin-bottom: 1rem; }
figure { margin: 0; } figcaption { font-weight: 600; margin-bottom: .5rem; } .hint { font-weight: 400; }
svg { display: block; width: 100%; max-width: 34rem; height: auto; }
svg text { font-family: inherit; fill: var(--ink); font-size: 14px; } svg .tick { font-size: 13px; fill: var(--soft); } svg .value { font-size: 13px; }
svg .group { font-weight: 600; } svg .axis { stroke: var(--ink); } svg .grid { stroke: #e1e5e9; }
svg polyline { fill: none; stroke-width: 2.2; stroke-linejoin: round; }
svg .primary { stroke: var(--blue); } svg .secondary { stroke: var(--orange); stroke-dasharray: 6 4; }
svg .third { stroke: var(--ink); stroke-dasharray: 1.5 3.5; } svg .fourth { stroke: var(--soft); stroke-dasharray: 12 3 2 3; }
svg .mark.primary { fill: var(--blue); } svg .mark.third { fill: var(--ink); stroke: none; }
svg .mark.secondary, svg .mark.fourth { fill: #fff; stroke-dasharray: none; stroke-width: 1.8; }
svg .reference { stroke: var(--ink); stroke-width: 1.6; stroke-dasharray: 2 4; }
svg .bar { stroke: var(--blue); stroke-width: 1.4; } svg .solid { fill: var(--blue); } svg .outlined { fill: #fff; stroke: var(--ink); }
svg .stripe-ground { fill: #fff; } svg .stripe { fill: var(--orange); } svg .bar.striped { stroke: var(--orange); }
.scroll { overflow-x: auto; margin: 0 0 1.2rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .4rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--rule); }
thead th { border-bottom: 2px solid var(--ink); font-size: .875rem; } tbody th { font-weight: 500; }
th:last-child, td:last-child { padding-right: 0; }
.number { text-align: right; } td.number, .together { white-space: nowrap; }
td ul { margin: 0; padding-left: 1.1rem; }
.verdict { border-left: .5rem solid; padding: .5rem .9rem; } .verdict.passed { border-color: #1d6b35; } .verdict.failed { border-color: #a4121f; background: #fdecee; }
span.passed { color: #1d6b35; font-weight: 600; white-space: nowrap; } span.failed { color: #a4121f; font-weight: 700; white-space: nowrap; }
.facts-list { margin: 0 0 1rem; } .facts-list div { display: grid; grid-template-columns: 12rem 1fr; gap: .2rem 1rem; padding: .3rem 0; border-bottom: 1px solid var(--rule); }
.facts-list dt { color: var(--soft); } .facts-list dd { margin: 0; min-width: 0; }
details { margin: 1rem 0; } summary { cursor: pointer; font-weight: 600; color: var(--blue); padding: .3rem 0; } details[open] summary { margin-bottom: .6rem; }
@media (max-width: 46rem) { .figures { grid-template-columns: 1fr 1fr; } }
@media (max-width: 36rem) {
  main { padding: 1.25rem 1rem 3rem; } h1 { font-size: 1.55rem; } .lead { font-size: 1.05rem; }
  .figures div { padding: .6rem .7rem; } .figures dd { font-size: 1.3rem; }
  .facts-list div { grid-template-columns: 1fr; } th, td { padding-right: .6rem; }
}
@media print {
  @page { margin: 16mm 14mm; }
  body { font-size: 10.5pt; } main { max-width: none; padding: 0; } section { margin-top: 1.4rem; padding-top: 1rem; }
  h2, h3, caption, figcaption { break-after: avoid; } figure, tr, .banner, .figures, pre, .verdict { break-inside: avoid; }
  thead { break-inside: avoid; break-after: avoid; } .scroll { overflow: visible; } th, td { padding-top: .2rem; padding-bottom: .2rem; }
  .figures { grid-template-columns: repeat(4, 1fr); } .figures div { padding: .4rem .6rem; } .figures dd { font-size: 14pt; } .lead { font-size: 11.5pt; }
  .pair { grid-template-columns: 1fr 1fr; gap: 1rem; } .pair.uneven { grid-template-columns: 5fr 6fr; }
   a { color: inherit; text-decoration: none; } .csv, summary { display: none; }
  details table { font-size: 8.5pt; line-height: 1.3; } details td, details th { padding-top: .05rem; padding-bottom: .05rem; }
  details::details-content { content-visibility: visible; display: block; block-size: auto; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
