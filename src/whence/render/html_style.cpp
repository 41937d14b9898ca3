#include "whence/render/html_style.h"

namespace whence::render {

// Greys are half transparent and the two colours of middling lightness, so that a fragment reads
// well on a notebook's light and dark ground without knowing which it is.
const std::string_view part_style = R"(
.whence{--for:#d2601f;--against:#3f82c8;--line:rgba(128,128,128,.32);--wash:rgba(128,128,128,.1);
  font:15px/1.5 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;overflow-wrap:anywhere}
.whence h2{font-size:1.35em;line-height:1.25;margin:0 0 .4em}
.whence h3{font-size:1.05em;margin:1.7em 0 .5em}
.whence p{margin:.5em 0;max-width:46em}
.whence .faint{opacity:.75;font-size:.87em}
.whence .facts{display:flex;flex-wrap:wrap;gap:.5em 1.8em;margin:1em 0;padding:.7em 1em;
  background:var(--wash);border-radius:6px}
.whence .facts div{max-width:100%}
.whence .facts dt,.whence .made dt{opacity:.75;font-size:.8em}
.whence .facts dd,.whence .made dd{margin:0}
.whence .made{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.25em 1.2em;
  margin:.5em 0}
.whence .made dt{padding-top:.15em}
.whence code{font:.87em/1.5 ui-monospace,"DejaVu Sans Mono",monospace}
.whence .sides{display:flex;flex-wrap:wrap;gap:1em 2.5em;align-items:flex-start}
.whence .scores{flex:0 1 14em;min-width:11em}
.whence .weights{flex:1 1 30em;min-width:0}
.whence table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;margin:0;
  background:none;border:0}
.whence th,.whence td{padding:.28em .5em;border:0;border-bottom:1px solid var(--line);
  text-align:left;font-weight:400;background:none;vertical-align:middle}
.whence thead th{opacity:.75;font-size:.8em;vertical-align:bottom}
.whence td.number,.whence th.number{text-align:right;white-space:nowrap}
.whence td.bar,.whence th.bar{width:38%;min-width:7em;padding-left:.8em;padding-right:0}
.whence td.value{text-align:right}
.whence th.value{text-align:right}
.whence .scores svg{display:block;margin-top:.15em}
.whence td.bar svg{display:block;width:100%;height:15px;overflow:visible}
.whence tr.rest td,.whence tr.rest th{opacity:.75}
.whence .plus{fill:var(--for)}.whence .minus{fill:var(--against)}
.whence .zero{stroke:currentColor;stroke-opacity:.35}
.whence .whisker{stroke:currentColor;stroke-width:1.2}
.whence .zero,.whence .whisker{vector-effect:non-scaling-stroke;fill:none}
.whence .track{fill:currentColor;fill-opacity:.12}.whence .level{fill:currentColor;fill-opacity:.6}
.whence .key{display:inline-block;width:.75em;height:.75em;border-radius:2px;margin:0 .35em 0 0}
.whence .key.plus{background:var(--for);margin-left:1em}
.whence .key.minus{background:var(--against)}
.whence .panels{display:flex;flex-wrap:wrap;gap:1em;margin:.5em 0}
.whence .panels figure{margin:0;flex:1 1 13em;max-width:18em;min-width:9em}
.whence .panels img{display:block;width:100%;border:1px solid var(--line);box-sizing:border-box}
.whence .grid{width:auto}
.whence .grid td{padding:0 .6em .6em 0;border:0;vertical-align:top}
.whence .grid figure{margin:0;width:11em}
.whence .grid img{display:block;width:100%;border:1px solid var(--line);box-sizing:border-box}
.whence .text{white-space:pre-wrap;max-width:46em;line-height:1.9;padding:.7em 1em;
  background:var(--wash);border-radius:6px}
.whence .text span{color:#111;border-radius:3px;padding:.1em .12em}
.whence img.pixels{image-rendering:pixelated}
.whence figcaption{font-size:.87em;margin:0 0 .25em}
.whence .colors{max-width:37em;margin:.6em 0 1em}
.whence .colors img{display:block;width:100%;height:12px}
.whence .colors div{display:flex;justify-content:space-between;font-size:.87em}
.whence .trust{list-style:none;margin:.5em 0;padding:0;max-width:52em}
.whence .trust li{padding:.25em 0 .25em 5.2em;position:relative}
.whence .trust b{position:absolute;left:0;font-size:.8em;line-height:1.6;padding:0 .5em;
  border:1px solid var(--line);border-radius:4px;font-weight:400}
.whence .trust .warning b{background:#b04a12;border-color:#b04a12;color:#fff;font-weight:700}
.whence details{margin:1em 0}
.whence summary{cursor:pointer}
.whence .empty{opacity:.75}
.whence .rule{margin:1em 0;padding:.7em 1em;border-left:4px solid var(--for);background:var(--wash)}
.whence .rule p{margin:.15em 0;font-size:1.1em}
)";

const std::string_view page_style = R"(
:root{color-scheme:light dark}
body{margin:0;background:#fff;color:#222226}
main.whence{max-width:66em;margin:0 auto;padding:2em 1.5em 4em}
main.whence h1{font-size:1.7em;line-height:1.2;margin:0 0 .3em}
main.whence nav ol{padding-left:1.4em;margin:.6em 0}
main.whence article{border-top:1px solid var(--line);margin-top:2.2em;padding-top:1.8em}
main.whence footer{border-top:1px solid var(--line);margin-top:2.2em;padding-top:1em}
a{color:#1f5fa8}
@media(prefers-color-scheme:dark){body{background:#17191e;color:#e4e4e8}a{color:#8ab8ee}}
@media(max-width:40em){main.whence{padding:1.2em .9em 3em}
  .whence td.bar,.whence th.bar{min-width:4em}
  .whence .made{grid-template-columns:1fr;gap:0}.whence .made dd{margin-bottom:.5em}
  .whence .trust li{padding-left:0}.whence .trust b{position:static;margin-right:.5em}}
@media print{:root{color-scheme:light}body{background:#fff;color:#000;
  -webkit-print-color-adjust:exact;print-color-adjust:exact}
  main.whence{max-width:none;padding:0}.whence tr,.whence figure,.whence li{break-inside:avoid}
  .whence h2,.whence h3{break-after:avoid}
  .whence details::details-content{content-visibility:visible}
  .whence .noprint{display:none}}
)";

}  // namespace whence::render
