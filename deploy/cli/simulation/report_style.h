// How a report looks: on light, on dark and on paper, on a phone and on a wide screen. Colours are
// named c0 to c7 as svg_plot.h numbers them; they stay apart for those who see few colours, and
// every line also has its own marker.
#pragma once

namespace cairn {

inline constexpr char kReportStyle[] = R"css(
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--soft:#5b6470;--rule:#dde1e6;--card:#f6f7f9;
--note:#fff4d6;--notefg:#5c4300;--bound:#b3261e;
--c0:#0060ad;--c1:#d55e00;--c2:#00805a;--c3:#a6498a;--c4:#6b6f00;--c5:#2a9bc7;--c6:#8a5a2b;--c7:#5a5fcf}
@media(prefers-color-scheme:dark){:root{--bg:#14171b;--fg:#e6e9ed;--soft:#9aa4b0;--rule:#323942;
--card:#1c2127;--note:#3a3010;--notefg:#f6dd94;--bound:#ff8a80;
--c0:#6cb4f5;--c1:#ff9a57;--c2:#4fc9a0;--c3:#e38fc8;--c4:#c9c95a;--c5:#7fd3f2;--c6:#d3a578;--c7:#a7abff}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}
main{max-width:1320px;margin:0 auto;padding:20px 16px 48px}
h1{font-size:1.7em;line-height:1.2;margin:.6em 0 .3em;overflow-wrap:anywhere}
h2{font-size:1.2em;margin:2.2em 0 .3em;padding-top:.6em;border-top:1px solid var(--rule)}
p{margin:.4em 0 .8em;max-width:78ch}
.notice{background:var(--note);color:var(--notefg);padding:8px 12px;border-radius:6px;max-width:none}
.lead{font-size:1.08em}
.soft,figcaption span,footer{color:var(--soft)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin:14px 0}
.card{background:var(--card);border-radius:8px;padding:10px 12px}
.card b{display:block;font-size:1.45em;line-height:1.25;font-variant-numeric:tabular-nums}
.card span{color:var(--soft);font-size:.88em;display:block;line-height:1.35}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,380px),1fr));gap:22px 26px}
figure{margin:0;min-width:0;break-inside:avoid}
.two{grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));max-width:1150px}
figcaption{font-size:.93em;line-height:1.35;margin-bottom:2px}
figcaption span{display:block;font-size:.92em}
svg{display:block;width:100%;height:auto;overflow:visible}
svg text{font-size:11.5px;fill:var(--soft);paint-order:stroke;stroke:var(--bg);stroke-width:3px;stroke-linejoin:round}
.ty,.me{text-anchor:end}.tx,.lx{text-anchor:middle}.ms{text-anchor:start}
svg .row{fill:var(--fg)}
.grid{stroke:var(--rule);stroke-width:1}.axis{stroke:var(--soft);stroke-width:1}
.mark{stroke:var(--soft);stroke-width:1;stroke-dasharray:3 3}
.bound{stroke:var(--bound);stroke-width:1.5;stroke-dasharray:7 3}
.whisker{stroke:var(--fg);stroke-width:1.2}
.line{fill:none;stroke-width:2;stroke-linejoin:round}.line.dashed{stroke-dasharray:6 4}
.dot{stroke:var(--bg);stroke-width:1}
.band{opacity:.17}
)css"
                                       R"css(
.c0{--c:var(--c0)}.c1{--c:var(--c1)}.c2{--c:var(--c2)}.c3{--c:var(--c3)}
.c4{--c:var(--c4)}.c5{--c:var(--c5)}.c6{--c:var(--c6)}.c7{--c:var(--c7)}
.line{stroke:var(--c)}.dot,.band,.bar{fill:var(--c)}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 14px;margin:2px 0 0;padding:0;font-size:.88em}
.legend svg{display:inline-block;width:22px;height:12px;vertical-align:-1px;margin-right:5px}
.scroll{overflow-x:auto;margin:8px 0}
table{border-collapse:collapse;font-size:.87em;font-variant-numeric:tabular-nums}
th,td{padding:3px 7px;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap}
th{font-weight:600;color:var(--soft)}
th:first-child,td:first-child{text-align:left;padding-left:0}
.words2 :is(th,td):nth-child(2){text-align:left}
tr.answer td{font-weight:600}
.facts td{text-align:left;white-space:normal;overflow-wrap:anywhere}
.facts td:first-child{color:var(--soft);white-space:nowrap;vertical-align:top}
pre{background:var(--card);padding:10px 12px;border-radius:6px;white-space:pre-wrap;overflow-wrap:anywhere;
font-size:.88em}
ol,ul.plain{padding-left:1.3em;margin:.3em 0}
footer{margin-top:36px;border-top:1px solid var(--rule);padding-top:10px;font-size:.88em}
@media print{:root{color-scheme:light;--bg:#fff;--fg:#000;--soft:#444;--rule:#ccc;--card:#f3f3f3;--note:#f3f3f3;
--notefg:#000;--bound:#b3261e;
--c0:#0060ad;--c1:#d55e00;--c2:#00805a;--c3:#a6498a;--c4:#6b6f00;--c5:#2a9bc7;--c6:#8a5a2b;--c7:#5a5fcf}
main{max-width:none;padding:0}body{font-size:11px}.plots,.two{grid-template-columns:1fr 1fr}
h2{break-after:avoid}tr{break-inside:avoid}.scroll{overflow:visible}table{font-size:8px}th,td{padding:2px 4px}
.facts,.facts td{font-size:10px}}
)css";

}  // namespace cairn
