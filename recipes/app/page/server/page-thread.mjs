// A worker thread starts without the loader that its parent may have: this file, plain JavaScript, registers it.
import { register } from "tsx/esm/api";

register();
await import("./page-thread.ts");
