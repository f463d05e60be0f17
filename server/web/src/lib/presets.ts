// The configurations that come with Hooke, as the command line has them.
const files = import.meta.glob<string>("@presets/*.yaml", { query: "?raw", import: "default", eager: true });

export interface Preset {
  name: string;
  // Its first line.
  summary: string;
  yaml: string;
}

export const presets: Preset[] = Object.entries(files)
  .map(([path, yaml]) => ({
    name: path.slice(path.lastIndexOf("/") + 1, -".yaml".length),
    summary: (yaml.split("\n")[0] ?? "").replace(/^[# ]+/, ""),
    yaml,
  }))
  .sort((a, b) => a.name.localeCompare(b.name));
