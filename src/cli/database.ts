import { DrizzleQueryError } from "drizzle-orm/errors";
import { sqlStateOf } from "../core/sql-state.ts";
import { isConnectionFailure } from "../db/failure.ts";
import type { Setting } from "./configuration.ts";
import { CommandFailure } from "./failure.ts";

/** Runs `fn` against the database of this setting; what fails there becomes one sentence. */
export async function onDatabase<T>(setting: Setting, role: string, fn: () => Promise<T>): Promise<T> {
  try {
    return await fn();
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    // Drizzle's own message repeats the parameters; what it wraps may be a WebSocket's event, which is no Error.
    const cause = error instanceof DrizzleQueryError ? error.cause : error;
    if (sqlStateOf(cause) === null && !isConnectionFailure(cause)) throw cause;
    throw new CommandFailure(sentence(sqlStateOf(cause), setting, role));
  }
}

function sentence(sqlState: string | null, { from, local }: Setting, role: string): string {
  switch (sqlState) {
    case null:
      return local
        ? "The local database does not answer: start npm run dev (or npm run db) first."
        : `The database that ${from} names does not answer.`;
    case "28P01":
    case "28000":
      return `The database refuses the role or the password in ${from}.`;
    case "42501":
      return wrongRole(from, role);
    case "3D000":
    case "3F000":
    case "42P01":
    case "42883":
      return `The database in ${from} has not had Ebb's migrations.`;
    default:
      return `The database failed with SQLSTATE ${sqlState}.`;
  }
}

/** Also for the job that would go on past every refusal of Postgres. */
export function wrongRole(from: string, role: string): string {
  return `The role in ${from} may not do this: it must be ${role}.`;
}
