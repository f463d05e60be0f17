// The same series of several runs, or of several groups of runs as mean ± sd bands, in one chart.
import { memo } from "preact/compat";
import { useMemo } from "preact/hooks";
import { isNotFound } from "../api/errors.js";
import type { RunFeed } from "../api/run_feed.js";
import { type Column, drawing, everything, type Range, type Source } from "../api/series.js";
import { type Answer, useCall } from "../api/use_call.js";
import type { Curve } from "../charts/curve.js";
import { chartsSvg, namedCsv } from "../charts/files.js";
import { LineChart, type Zoom } from "../charts/line_chart.js";
import { useTheme } from "../charts/theme.js";
import { curveColor, curveDash } from "../lib/color.js";
import { download } from "../lib/download.js";
import type { Store } from "../lib/store.js";
import { useStore } from "../lib/store.js";
import { Loading, Panel, Problem, Toggle } from "./widgets.js";

// One run, or the runs of one point of a sweep.
export interface Group {
  label: string;
  source: Source;
}

export interface GroupCurvesProps {
  // Names the files, and the charts that share a cursor.
  name: string;
  title: string;
  keys: string[];
  groups: Group[];
  log: boolean;
  onLog: (log: boolean) => void;
  zoom?: Zoom;
  domain?: Zoom;
  onZoom: (zoom: Zoom | undefined) => void;
  step?: Store<number | undefined>;
  onStep?: (step: number) => void;
  feed: RunFeed;
  onRemove?: () => void;
}

const points = 600;

// Columns of each group, in the order of the groups; without those keys that a group does not have.
async function ofEach(groups: Group[], keys: string[], ask: (source: Source, keys: string[]) => Promise<Column[]>): Promise<Column[][]> {
  return Promise.all(
    groups.map(async ({ source }) => {
      try {
        return await ask(source, keys);
      } catch (error) {
        if (!isNotFound(error)) throw error;
        const single = keys.map((key) => ask(source, [key]).catch((problem: unknown) => (isNotFound(problem) ? [] : Promise.reject(problem))));
        return (await Promise.all(single)).flat();
      }
    }),
  );
}

function useGroups(groups: Group[], keys: string[], range: Range, feed: RunFeed): Answer<Column[][]> {
  const redraw = useStore(feed.redraw);
  const family = JSON.stringify([groups.map(({ source }) => source), keys]);
  const asked = keys.length === 0 ? undefined : `${family} ${range.from} ${range.to} ${redraw}`;
  return useCall(asked, (signal) => ofEach(groups, keys, (source, some) => drawing(source, some, range, points, signal)), family);
}

export const GroupCurves = memo(function GroupCurves(props: GroupCurvesProps) {
  const { title, keys, groups, log } = props;
  const theme = useTheme();
  const answer = useGroups(groups, keys, props.zoom ?? {}, props.feed);
  const curves = useMemo(
    () =>
      groups.flatMap(({ label }, g) =>
        (answer.value?.[g] ?? []).map((column): Curve => {
          const k = Math.max(0, keys.indexOf(column.key));
          const name = groups.length === 1 ? column.key : keys.length === 1 ? label : `${label} · ${column.key}`;
          return {
            label: name,
            color: curveColor(groups.length === 1 ? k : g, theme.dark),
            dash: groups.length === 1 ? curveDash(k) : k > 0 ? [6, 4] : curveDash(g),
            x: column.step,
            y: column.value,
            sd: column.sd.some(Number.isFinite) ? column.sd : [],
          };
        }),
      ),
    [answer.value, groups, keys, theme],
  );
  const file = `${props.name}-${title}`;
  const saveCsv = async () => {
    const all = await ofEach(groups, keys, (source, some) => everything(source, some, props.zoom ?? {}));
    download(`${file}.csv`, "text/csv", namedCsv(groups.map(({ label }, g) => ({ label, columns: all[g] ?? [] }))));
  };
  const saveSvg = () => download(`${file}.svg`, "image/svg+xml", chartsSvg([{ title, curves }], log, props.name));
  return (
    <Panel
      title={title}
      tools={
        <>
          <Toggle label="log" on={log} onChange={props.onLog} />
          <button type="button" onClick={saveCsv}>
            CSV
          </button>
          <button type="button" onClick={saveSvg} disabled={curves.length === 0}>
            SVG
          </button>
          {props.onRemove && (
            <button type="button" class="plain" onClick={props.onRemove} aria-label={`Remove ${title}`}>
              ✕
            </button>
          )}
        </>
      }
    >
      {answer.error !== undefined && <Problem error={answer.error} again={answer.reload} />}
      {!answer.value && answer.loading && <Loading what={title} />}
      {answer.value && curves.length === 0 && <p class="quiet">None of them has {keys.join(", ")}.</p>}
      {curves.length > 0 && (
        <LineChart
          label={title}
          curves={curves}
          log={log}
          zoom={props.zoom}
          domain={props.domain}
          onZoom={props.onZoom}
          step={props.step}
          onStep={props.onStep}
          group={props.name}
        />
      )}
    </Panel>
  );
});
