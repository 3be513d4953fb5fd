import { alive } from "./alive.ts";
import type { Bench } from "./bench.ts";
import { isolation } from "./isolation.ts";
import { keys } from "./keys.ts";
import { limits } from "./limits.ts";
import { purge } from "./purge.ts";

/** Every bench by its name; the first is the one that `npm run bench` runs. */
export const BENCHES: Readonly<Record<string, Bench>> = { alive, limits, purge, isolation, keys };
