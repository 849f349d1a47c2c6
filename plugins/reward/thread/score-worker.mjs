// A worker thread starts without the loader that its parent may have: this file, plain JavaScript, registers it, for modules of either kind.
import { register as registerRequire } from "tsx/cjs/api";
import { register } from "tsx/esm/api";

registerRequire();
register();
await import("./score-worker.ts");
