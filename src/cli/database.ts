import { isConnectionFailure, sqlStateOf } from "../db/failure.ts";
import type { Setting } from "./configuration.ts";
import { CommandFailure } from "./failure.ts";

/** Runs `fn` against the database of this setting; what fails there becomes one sentence. */
export async function onDatabase<T>(setting: Setting, role: string, fn: () => Promise<T>): Promise<T> {
  try {
    return await fn();
  } catch (error) {
    if (sqlStateOf(error) === null && !isConnectionFailure(error)) throw error;
    throw new CommandFailure(sentence(sqlStateOf(error), setting, role));
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
      return `The role in ${from} may not do this: it must be ${role}.`;
    case "3D000":
    case "3F000":
    case "42P01":
    case "42883":
      return `The database in ${from} has not had Ebb's migrations.`;
    default:
      return `The database failed with SQLSTATE ${sqlState}.`;
  }
}
