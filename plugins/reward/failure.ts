/** What happens when a reward cannot be had: never a silent 0. */
import { z } from "zod";

/** "stop" the run, "drop" the response's group, or give this value, logged and counted. */
export const onFailureSchema = z.union([z.enum(["stop", "drop"]), z.number()]).default("stop");
