import { type Id, parseId } from "../core/id.ts";
import { UsageFailure } from "./failure.ts";

const KINDS = { key: "an API key", token: "a token" } as const;

/** The id that a command was given. Throws a UsageFailure that says where to find one. */
export function keyIdOf(argument: string | null, command: string, kind: keyof typeof KINDS = "key"): Id<"credential"> {
  const id = argument === null ? null : parseId("credential", argument);
  if (id !== null) return id;
  throw new UsageFailure(
    `${command} takes the id of ${KINDS[kind]}, such as crd_01J…: npm run ebb -- ${kind} list shows them.`,
  );
}
