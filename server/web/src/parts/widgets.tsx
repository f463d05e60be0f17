// Small parts that every page uses.
import type { ComponentChildren } from "preact";
import { messageOf, violationsOf } from "../api/errors.js";
import { RunState } from "../generated/hooke/v1/resources_pb.js";

const stateNames: Record<RunState, string> = {
  [RunState.UNSPECIFIED]: "unknown",
  [RunState.QUEUED]: "queued",
  [RunState.RUNNING]: "running",
  [RunState.SUCCEEDED]: "succeeded",
  [RunState.FAILED]: "failed",
  [RunState.CANCELLED]: "cancelled",
};

export function stateName(state: RunState): string {
  return stateNames[state] ?? "unknown";
}

export function isFinal(state: RunState): boolean {
  return state === RunState.SUCCEEDED || state === RunState.FAILED || state === RunState.CANCELLED;
}

export function State({ state, count }: { state: RunState; count?: number }) {
  return (
    <span class={`state state-${stateName(state)}`}>
      {count !== undefined && count > 1 ? `${count} ` : ""}
      {stateName(state)}
    </span>
  );
}

export function Progress({ done, total, label }: { done: number; total: number; label: string }) {
  return <progress class="progress" max={Math.max(total, 1)} value={done} aria-label={label} />;
}

export function Tags({ tags }: { tags: Record<string, string> }) {
  const names = Object.keys(tags).sort();
  if (names.length === 0) return null;
  return (
    <span class="tags">
      {names.map((name) => (
        <span class="tag" key={name}>
          {name}
          {tags[name] ? `=${tags[name]}` : ""}
        </span>
      ))}
    </span>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <p class="quiet loading" role="status">
      Loading {what} …
    </p>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

export function Problem({ error, again }: { error: unknown; again?: () => void }) {
  const violations = violationsOf(error);
  return (
    <div class="problem" role="alert">
      <p>{messageOf(error)}</p>
      {violations.length > 0 && (
        <ul>
          {violations.map(({ field, description }, i) => (
            <li key={i}>
              <code>{field}</code> {description}
            </li>
          ))}
        </ul>
      )}
      {again && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

export interface Choice {
  value: string;
  label: string;
}

export function Select({ label, value, choices, onChange }: { label: string; value: string; choices: Choice[]; onChange: (value: string) => void }) {
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value} selected={choice.value === value}>
            {choice.label}
          </option>
        ))}
      </select>
    </label>
  );
}

export function Toggle({ label, on, onChange }: { label: string; on: boolean; onChange: (on: boolean) => void }) {
  return (
    <label class="toggle">
      <input type="checkbox" checked={on} onChange={(event) => onChange(event.currentTarget.checked)} />
      {label}
    </label>
  );
}

export function Panel({ title, tools, children, id, class: extra = "" }: { title: ComponentChildren; tools?: ComponentChildren; children: ComponentChildren; id?: string; class?: string }) {
  return (
    <section class={`panel ${extra}`} id={id}>
      <header class="panel-head">
        <h2>{title}</h2>
        {tools && <div class="tools">{tools}</div>}
      </header>
      {children}
    </section>
  );
}
