/** Dates and times as ISO 8601 writes them, from the whole numbers that files hold. */

export type TimeUnit = "s" | "ms" | "us" | "ns";

const perSecond: Readonly<Record<TimeUnit, bigint>> = { s: 1n, ms: 1_000n, us: 1_000_000n, ns: 1_000_000_000n };
const daySeconds = 86_400n;

/** Days since 1970-01-01: "2024-05-01". */
export const dateText = (days: number | bigint): string => dayText(BigInt(days));

/** Units since midnight: "12:00:00.5". */
export function timeText(units: number | bigint, unit: TimeUnit): string {
  const value = BigInt(units);
  const seconds = floorDivide(value, perSecond[unit]);
  return `${clock(seconds)}${fraction(value - seconds * perSecond[unit], unit)}`;
}

/** Units since 1970-01-01T00:00:00: "2024-05-01T12:00:00.123456", with a Z where they count from UTC. */
export function timestampText(units: number | bigint, unit: TimeUnit, utc: boolean): string {
  const value = BigInt(units);
  const days = floorDivide(value, perSecond[unit] * daySeconds);
  return `${dayText(days)}T${timeText(value - days * perSecond[unit] * daySeconds, unit)}${utc ? "Z" : ""}`;
}

const floorDivide = (a: bigint, b: bigint): bigint => (a < 0n ? (a - b + 1n) / b : a / b);

function dayText(days: bigint): string {
  const date = new Date(Number(days) * 86_400_000);
  return Number.isNaN(date.getTime()) ? `${days} days after 1970-01-01` : date.toISOString().split("T")[0]!;
}

function clock(seconds: bigint): string {
  const two = (value: bigint): string => String(value).padStart(2, "0");
  return `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}`;
}

const fraction = (rest: bigint, unit: TimeUnit): string =>
  rest === 0n
    ? ""
    : `.${String(rest)
        .padStart(String(perSecond[unit]).length - 1, "0")
        .replace(/0+$/, "")}`;
