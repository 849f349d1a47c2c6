/** Names that answers use. */
import type { Relation } from "./node.ts";

export const functions = new Set(["sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "coth", "arsinh", "arcosh", "artanh", "log", "ln", "lg", "exp", "gcd", "lcm", "max", "min", "sgn", "det", "Re", "Im", "arg"]);
export const constants: Readonly<Record<string, "pi" | "infinity">> = { pi: "pi", infty: "infinity", infinity: "infinity", inf: "infinity" };
/** Commands around a group that change only how it looks. */
export const looks = new Set(["mathbf", "mathit", "mathsf", "mathcal", "mathfrak", "boldsymbol", "bm", "vec", "overrightarrow", "widehat", "hat", "bar", "overline", "underline", "boxed", "fbox", "displaylines", "uline", "emph", "pmb", "mathnormal", "mathop", "mathbb", "ensuremath"]);
export const texts = new Set(["text", "textbf", "textit", "textrm", "textnormal", "textsf", "texttt", "mathtt", "mbox", "mathrm", "operatorname", "hbox", "rm"]);
export const relations: Readonly<Record<string, Relation>> = { le: "≤", ge: "≥", ne: "≠", approx: "≈", in: "∈", equiv: "≡", sim: "~", parallel: "∥", perp: "⊥", cong: "≅" };
export const setOperations: Readonly<Record<string, "union" | "intersection" | "difference">> = { cup: "union", cap: "intersection", setminus: "difference" };
export const greek = new Set("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega ell hbar angle triangle".split(" "));
export const closers: Readonly<Record<string, string>> = { "(": ")", "[": "]" };
