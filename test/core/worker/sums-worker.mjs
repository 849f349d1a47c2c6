import { register } from "tsx/esm/api";

register();
await import("./sums-worker.ts");
