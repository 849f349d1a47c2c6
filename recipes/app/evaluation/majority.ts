/** maj@k: how often the commonest of k answers is right. */

/** An answer as it is voted for. Null: none was given, and nobody votes for it. */
export interface Vote {
  readonly answer: string | null;
  readonly right: boolean;
}

/** Answers that are voted for equally often: how many they are, and how many of them are right. */
interface Size {
  readonly size: number;
  classes: number;
  right: number;
}

/**
 * The chance that the commonest of k answers, drawn from all of them without putting back, is right: the mean over all
 * C(n, k) subsets, without looking at each. Equal names are one answer. Of several equally common ones each counts in
 * part, as if one of them were drawn; where nobody gave an answer, nothing is right.
 *
 * How often each answer is drawn is an independent binomial, given that all add up to k. So the sum over m, the count
 * of the winner, is read off the coefficient of z^k in Σ_m Σ_r c_r zᵐ ∫₀¹ ∏_s (P_s(z) + x c_s zᵐ) dx, with c_s zᵐ the
 * chance that the answer s comes m times, and P_s that it comes less often: x^t stands for t others that tie, and ∫ x^t
 * dx = 1 / (t + 1) is the winner's part. The integral is Gauss's rule, exact for polynomials; the coefficient is a
 * Fourier sum over the roots of unity; answers that are given fewer than m times can never tie and are drawn together.
 *
 * @param votes n of them, up to 1,024 and more
 */
export function majorityAtK(votes: readonly Vote[], k: number): number {
  const n = votes.length;
  if (!(Number.isInteger(k) && k >= 1 && k <= n))
    throw new RangeError(`maj@${k} of ${n} answers: k must be between 1 and their number`);
  const sizes = sizesOf(votes);
  const [first] = sizes;
  if (first === undefined) return 0;
  if (k === n) return first.right / first.classes;
  const most = Math.min(k, Math.max(0, ...sizes.filter(({ right }) => right > 0).map(({ size }) => size)));
  const binomial = binomials(n, k / n);
  const roots = rootsOf(n, k);
  let total = 0;
  const below = sizes.map(() => new Sums(roots.length));
  for (let m = 1; m <= most; m++) {
    const able = sizes.filter(({ size }) => size >= m);
    able.forEach(({ size }, index) => below[index]!.add(roots, m - 1, binomial(size, m - 1)));
    total += winsWith(m, able, below, { n, k, roots, binomial });
  }
  return Math.min(1, Math.max(0, total / binomial(n, k)));
}

/** Classes of answers by how often they are given, the most often given first. */
function sizesOf(votes: readonly Vote[]): Size[] {
  const counts = new Map<string, { size: number; right: number }>();
  for (const { answer, right } of votes) {
    if (answer === null) continue;
    const entry = counts.get(answer) ?? { size: 0, right: 0 };
    counts.set(answer, { size: entry.size + 1, right: entry.right + Number(right) });
  }
  const sizes = new Map<number, Size>();
  for (const { size, right } of counts.values()) {
    const entry = sizes.get(size) ?? { size, classes: 0, right: 0 };
    entry.classes++;
    entry.right += right / size;
    sizes.set(size, entry);
  }
  return [...sizes.values()].sort((a, b) => b.size - a.size);
}

/** A root of unity z; the half of them that are not conjugates of others. */
interface Root {
  readonly angle: number;
  /**
   * What its value counts in the coefficient of z^k: conj(z^k) over their number, twice for one that stands for its
   * conjugate too.
   */
  readonly share: readonly [real: number, imaginary: number];
  /** Of 1 − p + p z, the generating function of one answer's being drawn or not. */
  readonly logModulus: number;
  readonly argument: number;
}

function rootsOf(n: number, k: number): Root[] {
  const p = k / n;
  return Array.from({ length: Math.floor((n + 1) / 2) + 1 }, (_, point) => {
    const angle = (2 * Math.PI * point) / (n + 1);
    const turned = (2 * Math.PI * ((point * k) % (n + 1))) / (n + 1);
    const times = (point === 0 || 2 * point === n + 1 ? 1 : 2) / (n + 1);
    const [real, imaginary] = [1 - p + p * Math.cos(angle), p * Math.sin(angle)];
    return {
      angle,
      share: [times * Math.cos(turned), -times * Math.sin(turned)],
      logModulus: Math.log(Math.hypot(real, imaginary)),
      argument: Math.atan2(imaginary, real),
    };
  });
}

/** A polynomial's value at each root, term by term. */
class Sums {
  readonly real: Float64Array;
  readonly imaginary: Float64Array;

  constructor(roots: number) {
    this.real = new Float64Array(roots);
    this.imaginary = new Float64Array(roots);
  }

  add(roots: readonly Root[], power: number, coefficient: number): void {
    for (const [at, { angle }] of roots.entries()) {
      this.real[at]! += coefficient * Math.cos(power * angle);
      this.imaginary[at]! += coefficient * Math.sin(power * angle);
    }
  }
}

/** What so small a part adds is lost in a double's rounding. */
const negligible = 1e-25;

interface Drawing {
  readonly n: number;
  readonly k: number;
  readonly roots: readonly Root[];
  readonly binomial: Binomial;
}

/** The chance that a right answer wins with m votes, and that k are drawn. */
function winsWith(
  m: number,
  able: readonly Size[],
  below: readonly Sums[],
  { n, k, roots, binomial }: Drawing,
): number {
  const pooled = n - able.reduce((count, { size, classes }) => count + size * classes, 0);
  // More of them cannot tie, since only k are drawn.
  const ties =
    Math.min(
      able.reduce((count, { classes }) => count + classes, 0),
      Math.floor(k / m),
    ) - 1;
  const rule = gaussRule(Math.floor(ties / 2) + 1);
  const chances = able.map(({ size }) => binomial(size, m));
  const winners = [...able.entries()].filter(([index, { right }]) => right > 0 && chances[index]! > negligible);
  if (winners.length === 0) return 0;
  const value = { real: 0, imaginary: 0 };
  let total = 0;
  for (const [at, { angle, share, logModulus, argument }] of roots.entries()) {
    const [cosine, sine] = [Math.cos(m * angle), Math.sin(m * angle)];
    const modulus = Math.exp(pooled * logModulus);
    if (modulus < negligible) continue;
    for (const [winner, { right }] of winners) {
      for (const { at: x, weight } of rule) {
        const size = weight * right * chances[winner]! * modulus;
        value.real = size * Math.cos(pooled * argument + m * angle);
        value.imaginary = size * Math.sin(pooled * argument + m * angle);
        for (const [index, { classes }] of able.entries()) {
          const tied = x * chances[index]!;
          multiply(
            value,
            below[index]!.real[at]! + tied * cosine,
            below[index]!.imaginary[at]! + tied * sine,
            classes - Number(index === winner),
          );
        }
        total += value.real * share[0] - value.imaginary * share[1];
      }
    }
  }
  return total;
}

/** By a complex number to a power, through its squares. */
function multiply(value: { real: number; imaginary: number }, real: number, imaginary: number, power: number): void {
  for (let left = power; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1)
      [value.real, value.imaginary] = [
        value.real * real - value.imaginary * imaginary,
        value.real * imaginary + value.imaginary * real,
      ];
    [real, imaginary] = [real * real - imaginary * imaginary, 2 * real * imaginary];
  }
}

/** P(count) of so many draws. */
type Binomial = (draws: number, count: number) => number;

/** Through logarithms of factorials, since the chances of a thousand draws leave the range of a double on the way. */
function binomials(most: number, chance: number): Binomial {
  const logs = new Float64Array(most + 1);
  for (let i = 2; i <= most; i++) logs[i] = logs[i - 1]! + Math.log(i);
  return (draws, count) =>
    Math.exp(
      logs[draws]! -
        logs[count]! -
        logs[draws - count]! +
        count * Math.log(chance) +
        (draws - count) * Math.log1p(-chance),
    );
}

const rules = new Map<number, readonly { readonly at: number; readonly weight: number }[]>();

/** Nodes and weights of Gauss and Legendre's rule on [0, 1]; exact for polynomials of degree below 2·points. */
function gaussRule(points: number): readonly { readonly at: number; readonly weight: number }[] {
  const known = rules.get(points);
  if (known !== undefined) return known;
  const rule = Array.from({ length: points }, (_, index) => {
    let x = Math.cos((Math.PI * (index + 0.75)) / (points + 0.5));
    let slope = 1;
    for (let round = 0; round < 100; round++) {
      let [last, now] = [1, x];
      for (let degree = 2; degree <= points; degree++)
        [last, now] = [now, ((2 * degree - 1) * x * now - (degree - 1) * last) / degree];
      slope = (points * (x * now - last)) / (x * x - 1);
      const change = now / slope;
      x -= change;
      if (Math.abs(change) < 1e-15) break;
    }
    return { at: (1 + x) / 2, weight: 1 / ((1 - x * x) * slope * slope) };
  });
  rules.set(points, rule);
  return rule;
}
