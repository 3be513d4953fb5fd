import * as z from "zod";
import { type Id, type IdKind, parseId } from "../core/id.ts";

/** A typed id as a parameter or field: refused when malformed, before anything is looked up. */
export function idSchema<K extends IdKind>(kind: K) {
  return z
    .custom<Id<K>>((value) => typeof value === "string" && parseId(kind, value) !== null)
    .meta({ type: "string" });
}
