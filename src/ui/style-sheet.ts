import { createHash } from 'node:crypto';

/** The one style sheet of the console. */
export const styleSheet = `
:root {
  color-scheme: light dark;
  --ground: #fbfbf9; --panel: #ffffff; --ink: #1c1f23; --soft: #5b636d; --line: #d9dce0; --accent: #0a5c8a; --on-accent: #ffffff; --mark: #eef3f7;
  --good: #17663a; --good-ground: #e2f2e7; --bad: #9b1c1c; --bad-ground: #fbe6e4; --waits: #7a4b00; --waits-ground: #fbefd6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #15181c; --panel: #1d2126; --ink: #e6e8ea; --soft: #a1a9b3; --line: #363c44; --accent: #79bfe8; --on-accent: #0d1b25; --mark: #242b32;
    --good: #8fd6a8; --good-ground: #1b3325; --bad: #f3a6a0; --bad-ground: #40211f; --waits: #eec77a; --waits-ground: #3a2f18;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
a { color: var(--accent); text-underline-offset: 2px; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 1rem; top: .5rem; background: var(--panel); padding: .3rem .6rem; z-index: 1; }
.top { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem 1.2rem; font-size: .93rem; padding: .6rem 1.5rem; background: var(--panel); border-bottom: 1px solid var(--line); }
.top .brand { font-weight: 700; color: var(--ink); text-decoration: none; }
.top nav { display: flex; flex-wrap: wrap; gap: .2rem .8rem; }
.top .who { margin-left: auto; display: flex; align-items: center; gap: .8rem; }
main { max-width: 84rem; margin: 0 auto; padding: 1rem 1.5rem 4rem; }
main + .foot { max-width: 84rem; margin: 0 auto; padding: 0 1.5rem 1.5rem; display: flex; gap: 1.2rem; font-size: .86rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .3rem 0 .8rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 1.8rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0 0 .2rem; }
p { margin: .4rem 0; max-width: 60rem; }
.trail, small, .hint { color: var(--soft); font-size: .86rem; }
.hint { margin: .1rem 0 0; }
code { font: .88em ui-monospace, "DejaVu Sans Mono", "Liberation Mono", monospace; overflow-wrap: anywhere; }
td code { overflow-wrap: break-word; }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem; margin: .7rem 0; }
.card h2 { margin-top: 0; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; background: var(--panel); margin: .5rem 0; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .7rem; border-bottom: 1px solid var(--line); }
tr:last-child td { border-bottom: 0; }
th { font-size: .86rem; font-weight: 600; color: var(--soft); background: var(--mark); }
.figure { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th { vertical-align: bottom; }
th.figure { white-space: normal; }
.nowrap { white-space: nowrap; }
.sentence { min-width: 22rem; font-size: .9rem; }
.rule { width: 36%; min-width: 14rem; }
tr.off td { color: var(--soft); }
tr.sum td { font-weight: 700; }
.state { display: inline-block; padding: 0 .5rem; border-radius: 1rem; border: 1px solid currentColor; font-size: .82rem; line-height: 1.5; white-space: nowrap; color: var(--soft); }
.state.good { color: var(--good); background: var(--good-ground); }
.state.bad { color: var(--bad); background: var(--bad-ground); }
.state.waits { color: var(--waits); background: var(--waits-ground); }
.notice { background: var(--good-ground); color: var(--good); border-radius: 6px; padding: .5rem .8rem; overflow-wrap: anywhere; }
.refusal { background: var(--bad-ground); color: var(--bad); border-radius: 6px; padding: .6rem .8rem; margin: .7rem 0; max-width: 60rem; overflow-wrap: anywhere; }
p.answer { font-weight: 600; max-width: 60rem; }
.refusal small { color: inherit; }
.looks { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .6rem 1.5rem; list-style: none; margin: .5rem 0; padding: 0; }
td ul.causes { list-style: none; margin: 0; padding: 0; }
.wait-list { margin: .3rem 0; padding-left: 1.2rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .6rem 1.5rem; margin: 1rem 0; }
.facts dt { color: var(--soft); font-size: .86rem; }
.facts dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.card > .facts { margin-top: 0; grid-template-columns: 1fr; }
.card > .facts dd { white-space: pre-line; }
.facts div:has(.hash) { grid-column: 1 / -1; }
.steps { display: flex; flex-wrap: wrap; gap: .3rem; list-style: none; margin: .6rem 0; padding: 0; font-size: .86rem; }
.steps li { padding: .15rem .7rem; border: 1px solid var(--line); border-radius: 1rem; color: var(--soft); }
.steps .past { background: var(--mark); color: var(--ink); }
.steps .now { background: var(--accent); color: var(--on-accent); border-color: var(--accent); font-weight: 600; }
.buttons { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; margin-top: .8rem; }
button, .button { display: inline-block; font: inherit; font-size: .93rem; padding: .35rem .9rem; border-radius: 5px; border: 1px solid var(--accent); background: var(--accent); color: var(--on-accent); text-decoration: none; cursor: pointer; }
.button, button.quiet { background: transparent; color: var(--accent); }
form.card { max-width: 44rem; }
label { display: block; font-weight: 600; margin: .3rem 0 .2rem; }
input:not([type=checkbox]), select, textarea { font: inherit; width: 100%; padding: .4rem .5rem; border: 1px solid var(--soft); border-radius: 5px; background: var(--ground); color: var(--ink); }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 0 1rem; align-items: start; }
.field { margin-bottom: .8rem; grid-column: 1 / -1; }
.field.half { grid-column: auto; }
.wrong::first-letter { text-transform: uppercase; }
.wrong { color: var(--bad); font-size: .86rem; font-weight: 600; margin: .1rem 0 0; overflow-wrap: anywhere; }
[aria-invalid=true] { border: 2px solid var(--bad) !important; }
fieldset { border: 0; border-top: 1px solid var(--line); margin: 0 0 .6rem; padding: .5rem 0 0; min-width: 0; }
fieldset:first-of-type { border-top: 0; padding-top: 0; }
legend { float: left; width: 100%; padding: 0; font-weight: 700; }
legend + * { clear: both; }
.card > button { margin-top: .8rem; }
.filter { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem .7rem; margin: .6rem 0; }
.filter label { margin: 0; font-weight: 400; }
.filter input:not([type=checkbox]) { width: 14rem; }
.filter select { width: auto; max-width: min(30rem, 100%); }
label small { font-weight: 400; }
.tabs { display: flex; flex-wrap: wrap; gap: .3rem 1rem; margin: .6rem 0; }
.tabs [aria-current] { color: var(--ink); font-weight: 700; text-decoration: none; }
.pager { display: flex; gap: 1.2rem; margin: .6rem 0; }
.side-by-side { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 0 1.5rem; }
@media (max-width: 36rem) { .field.half { grid-column: 1 / -1; } }
@media (max-width: 60rem) { th, td { padding: .35rem .45rem; } main, .top, main + .foot { padding-left: .8rem; padding-right: .8rem; } }
@media print {
  :root { --ground: #fff; --panel: #fff; --ink: #000; --soft: #444; --line: #999; --mark: #fff; --accent: #000; --good-ground: #fff; --bad-ground: #fff; --waits-ground: #fff; --good: #000; --bad: #000; --waits: #000; }
  .top, .foot, .trail, .buttons, .filter, .pager, .skip, button { display: none; }
  main { max-width: none; padding: 0; }
  :root, body { font-size: 9pt; }
  h2, .notice { break-after: avoid; }
  .scroll { overflow: visible; border: 0; }
  .sentence { min-width: 0; }
  th, td { padding: .15rem .3rem; }
  thead { display: table-header-group; }
  tr, .card { break-inside: avoid; }
  a { text-decoration: none; }
}
`;

/** Named by its content, so that a browser keeps it until it changes. */
export const styleSheetPath = `/console-${createHash('sha256').update(styleSheet).digest('hex').slice(0, 12)}.css`;
