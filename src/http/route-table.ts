import type { RouteDefinition } from "./route.ts";

/** Routes of one path. Each path is one Hono handler, which spares Hono's `compose` on every request. */
export interface MountedPath {
  pattern: string;
  allow: string;
  byMethod: ReadonlyMap<string, RouteDefinition>;
}

/** Checks that the registry is one, and orders it: `/a/me` before `/a/{id}`, because Hono takes the first that fits. */
export function groupByPath(routes: readonly RouteDefinition[]): MountedPath[] {
  assertUnique(routes);
  const byPath = Map.groupBy(routes, (route) => route.path);
  return (
    [...byPath]
      .map(([pattern, group]) => {
        const byMethod = new Map<string, RouteDefinition>(group.map((route) => [route.method, route]));
        const get = byMethod.get("GET");
        if (get !== undefined) byMethod.set("HEAD", get);
        return {
          pattern,
          byMethod,
          allow: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].filter((method) => byMethod.has(method)).join(", "),
        };
      })
      // `{` sorts after every character that a fixed segment may hold.
      .toSorted((a, b) => (a.pattern < b.pattern ? -1 : 1))
  );
}

/** Throws a TypeError for two routes with one operationId, one method and path, or one path with two parameter names. */
export function assertUnique(routes: readonly RouteDefinition[]): void {
  const operations = new Set<string>();
  const spellings = new Map<string, string>();
  for (const { operationId, method, path } of routes) {
    const shape = path.replaceAll(/\{[^}]+\}/g, "{}");
    const spelling = spellings.get(shape) ?? path;
    if (spelling !== path) throw new TypeError(`${path} and ${spelling} are one path`);
    spellings.set(shape, path);
    for (const key of [operationId, `${method} ${path}`]) {
      if (operations.has(key)) throw new TypeError(`${key} is declared twice`);
      operations.add(key);
    }
  }
}
