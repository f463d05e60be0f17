// A filter as the contract has it, kept in the address.
import { useEffect, useState } from "preact/hooks";
import { show } from "../lib/route.js";

export function FilterForm({ filter, hint }: { filter: string; hint: string }) {
  const [text, setText] = useState(filter);
  useEffect(() => setText(filter), [filter]);
  const submit = (event: Event) => {
    event.preventDefault();
    show({ filter: text.trim(), page: undefined }, true);
  };
  return (
    <form class="zoom filter" onSubmit={submit}>
      <input type="search" aria-label="Filter" size={48} placeholder={hint} value={text} onInput={(event) => setText(event.currentTarget.value)} />
      <button type="submit">Filter</button>
      {filter && (
        <button type="button" class="plain" onClick={() => show({ filter: undefined, page: undefined }, true)}>
          all
        </button>
      )}
    </form>
  );
}
