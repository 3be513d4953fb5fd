import { Problem } from "../core/problem.ts";
import { varies } from "../privacy/conditions.ts";
import { declaredTables } from "../privacy/inventory.ts";
import { type RetentionClass, type RetentionClassName, SCHEDULE } from "../privacy/schedule.ts";

/** A class for which a tenant may have a window of its own: the schedule's and the bounds, in months. */
export interface VariableClass {
  name: RetentionClassName;
  title: string;
  months: number;
  least: number;
  greatest: number;
}

/** Every class that may vary from tenant to tenant. */
export function variableClasses(): VariableClass[] {
  const names = new Set(
    declaredTables()
      .filter(varies)
      .map(({ retention }) => retention),
  );
  return [...names].flatMap((name) => {
    const { title, window, mayVary } = SCHEDULE[name] as RetentionClass;
    if (mayVary === null) return [];
    return [{ name, title, months: window.count, least: mayVary.least.count, greatest: mayVary.greatest.count }];
  });
}

/** The class of this name. Throws `not-found` for a name that is none, and `window-not-variable` for one that is fixed. */
export function variableClass(name: string): VariableClass {
  if (!Object.hasOwn(SCHEDULE, name)) throw new Problem("not-found");
  const found = variableClasses().find((candidate) => candidate.name === name);
  if (found === undefined) throw new Problem("window-not-variable");
  return found;
}
