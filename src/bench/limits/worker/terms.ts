import { env } from "cloudflare:workers";
import type { Policy } from "../../../limits/policy.ts";
import type { Terms, WorkerText } from "../terms.ts";

const text = env as unknown as WorkerText;

export const TERMS = JSON.parse(text.TERMS) as Terms;
export const POLICIES = JSON.parse(text.POLICIES) as readonly Policy[];
