import { randomBytes } from "node:crypto";
import { Client } from "pg";
import { equalConstantTime } from "../core/bytes.ts";
import { type Faults, parseFault } from "./neon-fault.ts";
import type { StatementLog } from "./neon-statements.ts";

/** Name of the header that carries the control token. */
export const CONTROL_HEADER = "ebb-control-token";

export interface ControlOptions {
  /** For creating databases: a superuser's connection string. */
  superuserUrl: string;
}

export interface Control {
  /** Random; a caller shows it in the header `ebb-control-token`. */
  token: string;
  /** Answers `METHOD /control/…`; null for an unknown path. Throws a RangeError for a malformed body. */
  answer(call: string, body: unknown): Promise<unknown>;
  /** Whether a header's value is the token. */
  admits(token: unknown): boolean;
}

/**
 * What tests inside workerd, which share no memory with this process, may ask of it:
 * `POST /control/fault`, `POST` and `DELETE /control/trace` (begin to record statements; end, and answer them), `POST
 * /control/database` ({template}, answers {database}) and `DELETE /control/database` ({database}).
 */
export function controlCalls({ superuserUrl }: ControlOptions, faults: Faults, log: StatementLog): Control {
  const token = randomBytes(32).toString("base64url");
  const expected = Buffer.from(token);
  const run = async (sql: string) => {
    const client = new Client(superuserUrl);
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  return {
    token,
    admits: (shown) => typeof shown === "string" && equalConstantTime(Buffer.from(shown), expected),
    answer: async (call, body) => {
      switch (call) {
        case "POST /control/fault":
          faults.set(parseFault(body));
          return {};
        case "POST /control/trace":
          log.begin();
          return {};
        case "DELETE /control/trace":
          return { trace: log.end() };
        case "POST /control/database": {
          const database = `ebb_${randomBytes(8).toString("hex")}`;
          await run(`create database ${database} template ${nameIn(body, "template")}`);
          return { database };
        }
        case "DELETE /control/database":
          await run(`drop database if exists ${nameIn(body, "database")} with (force)`);
          return {};
        default:
          return null;
      }
    },
  };
}

/** A database's name, already safe inside SQL. */
function nameIn(body: unknown, field: string): string {
  const value: unknown = typeof body === "object" && body !== null ? Reflect.get(body, field) : undefined;
  if (typeof value !== "string" || !/^[a-z][a-z0-9_]{0,62}$/.test(value)) {
    throw new RangeError(`${field} is not the name of a database`);
  }
  return `"${value}"`;
}
