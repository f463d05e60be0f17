// The page's colours, for what is drawn on a canvas.
import { Store, useStore } from "../lib/store.js";

export interface Theme {
  dark: boolean;
  text: string;
  muted: string;
  grid: string;
  panel: string;
  accent: string;
  warn: string;
  elastic: string;
  transition: string;
}

const media = matchMedia("(prefers-color-scheme: dark)");

function read(): Theme {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(name).trim();
  return {
    dark: media.matches,
    text: color("--text"),
    muted: color("--muted"),
    grid: color("--grid"),
    panel: color("--panel"),
    accent: color("--accent"),
    warn: color("--warn"),
    elastic: color("--elastic"),
    transition: color("--transition"),
  };
}

const theme = new Store<Theme>(read());
media.addEventListener("change", () => theme.set(read()));

export function useTheme(): Theme {
  return useStore(theme);
}
