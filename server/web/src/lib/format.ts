// Numbers, times and sizes for people. Pure functions.

// About `digits` significant digits; very large and very small ones with an exponent. NaN and infinities
// are data and shown as such.
export function short(value: number | undefined, digits = 3): string {
  if (value === undefined) return "–";
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) {
    const [mantissa = "", exponent = ""] = value.toExponential(digits - 1).split("e");
    return minus(`${trim(mantissa)}e${exponent.replace("+", "")}`);
  }
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
  return minus(trim(value.toFixed(Math.min(decimals, 10))));
}

function trim(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function minus(text: string): string {
  return text.replace(/^-/, "−");
}

// Whole numbers with thin spaces between thousands.
export function count(value: number | bigint | undefined): string {
  if (value === undefined) return "–";
  return value.toString().replace(/\B(?=(\d{3})+(?!\d))/g, " ");
}

// As "1 run", "3 runs".
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

// As "3 s", "4 min", "2 h 5 min", "3 d".
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "–";
  if (seconds < 60) return `${seconds < 10 ? short(seconds, 2) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.round(hours / 24)} d`;
}

export function ago(time: Date | undefined, now: Date): string {
  if (!time) return "–";
  const seconds = (now.getTime() - time.getTime()) / 1000;
  return seconds < 2 ? "now" : `${duration(seconds)} ago`;
}

// Full precision, spelt as the command line spells it: for files.
export function exact(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return String(value);
}

// One field of a CSV line.
export function csvField(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// The last part of a resource name: an experiment's name or a run's id.
export function lastPart(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

// "experiments/E/runs/R" → "E".
export function experimentOf(runName: string): string {
  return runName.split("/")[1] ?? "";
}
