// Every scalar series of a run by name; what is chosen gets a chart.
import { useMemo, useState } from "preact/hooks";
import { count } from "../lib/format.js";
import { show } from "../lib/route.js";
import type { Stored } from "../api/stored.js";
import { Panel } from "./widgets.js";

const mostListed = 100;

export function SeriesPicker({ scalars, chosen }: { scalars: Stored[]; chosen: string[] }) {
  const [text, setText] = useState("");
  const found = useMemo(() => scalars.filter(({ key }) => key.toLowerCase().includes(text.toLowerCase())), [scalars, text]);
  const toggle = (key: string, on: boolean) => show({ series: (on ? [...chosen, key] : chosen.filter((other) => other !== key)).join("\n") });
  return (
    <Panel
      title={`All series (${count(scalars.length)})`}
      tools={
        <label class="field">
          <span class="hidden">Find a series</span>
          <input type="search" placeholder="find a series" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
      }
    >
      <div class="series-list">
        {found.slice(0, mostListed).map(({ key, count: points }) => (
          <label key={key} class="toggle">
            <input type="checkbox" checked={chosen.includes(key)} onChange={(event) => toggle(key, event.currentTarget.checked)} />
            <span class="break">{key}</span> <span class="muted num">{count(points)}</span>
          </label>
        ))}
      </div>
      {found.length > mostListed && <p class="muted">{count(found.length - mostListed)} more: type a part of the name.</p>}
      {found.length === 0 && <p class="quiet">No series has this in its name.</p>}
    </Panel>
  );
}
