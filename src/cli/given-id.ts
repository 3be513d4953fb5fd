import { ID_PREFIXES, type Id, type IdKind, parseId } from "../core/id.ts";
import { UsageFailure } from "./failure.ts";

/** The id that a command was given. Throws a UsageFailure that says which command lists them. */
export function givenId<K extends IdKind>(argument: string | null, kind: K, command: string, list: string): Id<K> {
  const id = argument === null ? null : parseId(kind, argument);
  if (id !== null) return id;
  throw new UsageFailure(
    `${command} takes an id such as ${ID_PREFIXES[kind]}_01J…: npm run ebb -- ${list} shows them.`,
  );
}
