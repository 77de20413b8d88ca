"""What pages share: their looks, light and dark, their frame and their tables."""

from collections.abc import Collection, Iterable, Sequence
from html import escape

STYLE = """
:root{color-scheme:light dark;--page:#fbfbfa;--card:#fff;--ink:#1d2429;--soft:#5c6870;
--rule:#e3e6e8;--grid:#edeff0;--better:#1b7f5c;--worse:#b5402f;--same:#3f6ea3;--open:#7d8890;
--doubt:#96660a;--s0:#2f6db5;--s1:#b8651b;--s2:#7a58ad;--s3:#16807f}
@media(prefers-color-scheme:dark){:root{--page:#14181b;--card:#1b2024;--ink:#e4e8ea;--soft:#9aa5ac;
--rule:#2e353a;--grid:#262c31;--better:#4fbf95;--worse:#e8806f;--same:#7fabdd;--open:#8e99a1;
--doubt:#d8a548;--s0:#74a9e6;--s1:#e39a55;--s2:#b296e0;--s3:#54bcba}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.55 system-ui,-apple-system,
"Segoe UI",Roboto,"Liberation Sans",sans-serif;overflow-wrap:anywhere}
main{max-width:1200px;margin:0 auto;padding:48px 24px 64px}
h1{font-size:30px;line-height:1.2;margin:0 0 8px;letter-spacing:-.01em}
h2{font-size:19px;margin:48px 0 4px}h3{font-size:16px;margin:28px 0 0}
figure h3{font-size:14px;margin:0 0 6px}
p{margin:0 0 12px;max-width:80ch}.soft,footer{color:var(--soft)}
.pill{display:inline-block;padding:1px 10px;border-radius:99px;border:1px solid currentColor;
font-size:12.5px;line-height:1.5;font-weight:600;white-space:nowrap;vertical-align:middle}
h1 .pill{margin-left:8px;letter-spacing:0}.check .pill{margin-right:10px}
.better{--c:var(--better)}.worse{--c:var(--worse)}.same{--c:var(--same)}.open{--c:var(--open)}
.doubt{--c:var(--doubt)}.s0{--c:var(--s0)}.s1{--c:var(--s1)}.s2{--c:var(--s2)}.s3{--c:var(--s3)}
.pill,.word{color:var(--c,var(--soft))}.word{font-weight:600;white-space:nowrap}
.check{margin:20px 0 0;padding:12px 16px;max-width:none;background:var(--card);
border:1px solid var(--rule);border-left:4px solid var(--c);border-radius:6px}
.wide{overflow-x:auto;margin-top:14px;padding:4px 12px 12px;background:var(--card);
border:1px solid var(--rule);border-radius:8px}
table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums;
overflow-wrap:normal}
th,td{padding:6px 9px;text-align:right;white-space:nowrap}th{font-weight:600}
thead th{color:var(--soft);font-size:12.5px;font-weight:500}
th:first-child{white-space:normal}th:first-child,td:first-child,.left{text-align:left}
tbody tr+tr>*{border-top:1px solid var(--grid)}
td.why{padding-top:0;border-top:0!important;white-space:normal;overflow-wrap:anywhere}
tr.group>*{padding-top:26px;vertical-align:bottom}tr.group th{font-size:16px}
tbody:first-of-type tr.group>*{padding-top:4px}
td.plot{padding-top:0;padding-bottom:0}svg{display:block;overflow:visible}
svg text{fill:var(--soft);font-size:11.5px}svg .number{fill:var(--ink);font-weight:600}
svg.panel,svg.funnel{width:100%;height:auto}svg.panel text{font-size:11px}
.zero{stroke:var(--soft)}.grid{stroke:var(--grid)}.most{stroke:var(--worse);stroke-dasharray:4 3}
.beyond{fill:var(--worse);opacity:.1}.bar{fill:var(--c);opacity:.38}.dot,.end{fill:var(--c)}
.band{fill:var(--c);opacity:.15}.stroke{fill:none;stroke:var(--c);stroke-width:2;
stroke-linejoin:round}.count{fill:var(--same);opacity:.75}
.stroke.s1{stroke-dasharray:7 3}.stroke.s2{stroke-dasharray:2 3}.stroke.s3{stroke-dasharray:9 3 2 3}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(320px,100%),1fr));gap:16px;
margin-top:14px}
figure{margin:0;padding:14px 16px 10px;background:var(--card);border:1px solid var(--rule);
border-radius:8px}
.key{display:flex;flex-wrap:wrap;gap:4px 20px;margin:24px 0 0;padding:0;list-style:none}
.key svg{display:inline-block;margin-right:8px;vertical-align:middle}
dl{display:grid;grid-template-columns:fit-content(16em) 1fr;gap:5px 20px;margin:10px 0 0;
font-size:14px}dt{font-weight:600;min-width:9em}dd{margin:0;max-width:90ch}
footer{margin-top:56px;padding-top:16px;border-top:1px solid var(--rule);font-size:13.5px}
@media print{body{background:none}.wide,figure{break-inside:avoid}}
"""


def document(title: str, parts: Sequence[str], *, style: str = "") -> str:
    """A whole page of these parts, which are markup; `style` adds to how it looks."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}{style}</style>"
        f"</head>\n<body><main>\n{chr(10).join(parts)}\n</main></body></html>\n"
    )


def table(head: Sequence[str], bodies: Iterable[str], left: Collection[int] = ()) -> str:
    """A table out of `<tbody>`s, as wide as it likes; `left` are columns read from the left."""
    names = "".join(
        f'<th scope="col" class="{"left" if place in left else ""}">{name}</th>'
        for place, name in enumerate(head)
    )
    rows = f"<thead><tr>{names}</tr></thead>{''.join(bodies)}"
    return f'<div class="wide"><table>{rows}</table></div>'


def row(name: str, *cells: str | tuple[str, str]) -> str:
    """Of a name and cells, some with a class before them; all of it is markup."""
    pairs = [("", cell) if isinstance(cell, str) else cell for cell in cells]
    drawn = "".join(f'<td class="{kind}">{cell}</td>' for kind, cell in pairs)
    return f'<tr><th scope="row">{name}</th>{drawn}</tr>'
