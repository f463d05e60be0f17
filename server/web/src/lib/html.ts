// Pieces of a page as text, for files. Every text given is escaped.
import { escapeXml } from "../charts/files.js";

export function paragraph(text: string, kind = ""): string {
  return `<p${kind ? ` class="${kind}"` : ""}>${escapeXml(text)}</p>`;
}

export function heading(level: 1 | 2 | 3, text: string): string {
  return `<h${level}>${escapeXml(text)}</h${level}>`;
}

export function table(head: string[], rows: string[][]): string {
  const line = (tag: string, cells: string[]) => `<tr>${cells.map((cell) => `<${tag}>${escapeXml(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="scroll"><table><thead>${line("th", head)}</thead><tbody>${rows.map((row) => line("td", row)).join("")}</tbody></table></div>`;
}

export function code(text: string): string {
  return `<pre class="code" tabindex="0">${escapeXml(text)}</pre>`;
}

const style = `:root{color-scheme:light}body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:0 auto;padding:1.5rem 1rem 4rem;color:#1b1e23;background:#fff;overflow-wrap:anywhere}
h2{margin:2.2rem 0 .5rem;border-bottom:1px solid #dcdedf}.muted{color:#596069}svg{max-width:100%;height:auto;display:block;margin:.6rem 0}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}th,td{text-align:left;padding:.2rem .9rem .2rem 0;border-bottom:1px solid #ecedee;white-space:nowrap}
pre{font:13px/1.45 ui-monospace,monospace;background:#f6f6f4;padding:.7rem;white-space:pre-wrap}@media print{svg,table,pre{break-inside:avoid}}`;

// A page that needs nothing but itself.
export function page(title: string, body: string): string {
  return `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeXml(title)}</title><style>${style}</style></head><body>\n${body}\n</body></html>\n`;
}
