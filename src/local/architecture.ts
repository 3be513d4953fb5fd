import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import { importsOf } from "./imports.ts";

const NOUNS = [
  ...["access", "tenants", "people", "instances", "clients", "keys", "registration-keys", "tokens", "mail"],
  ...["sign-in", "sign-ins", "identity-providers", "oauth", "grants"],
  ...["workspaces", "vouchers"],
  ...["telemetry", "limits", "tenant-limits", "gate", "health", "audit", "privacy", "retention"],
].map(inSrc);

/**
 * The import rules of the repository, in two tables. Paths are relative to its root; a folder stands for all below it.
 *
 * LAYERS, lowest first: a file imports from its own layer or from lower ones. Parts that are `apart` do not import each other.
 */
const LAYERS: readonly Layer[] = [
  { name: "client", parts: ["src/client"] },
  { name: "core", parts: ["src/core"] },
  { name: "db", parts: ["src/db"] },
  { name: "verb", parts: ["src/verb.ts", "src/deps.ts", "src/idempotency.ts"] },
  { name: "nouns", parts: NOUNS },
  { name: "adapters", parts: ["jobs", "http"].map(inSrc), apart: true },
  { name: "app", parts: ["src/app.ts"] },
  { name: "workers", parts: ["workers"] },
  { name: "tools", parts: ["src/local", "src/bench", "src/testing", "drizzle"] },
  // Above the tools: a command finds the local side by what it wrote, and runs the same jobs as the cron.
  { name: "commands", parts: ["src/cli"] },
];

/** The one seam: by `import type` alone it may be imported from below, and may itself name what this layer declares. */
const SEAM = { file: "src/deps.ts", layer: "nouns" };

/** `target` is matched with a package's name as written, or with the path of a file. */
const BANS: readonly Ban[] = [
  { from: ["src/client"], target: /^(?!src\/client\/)/, because: "the client runs anywhere, with fetch alone" },
  { from: NOUNS, target: /^hono(\/|$)/, because: "nouns know nothing of HTTP" },
  {
    from: ["src/http"],
    target: /^(drizzle-orm|@neondatabase\/serverless)(\/|$)|^src\/db\//,
    because: "HTTP reaches the database through verbs only",
  },
  { from: ["src"], except: ["src/testing", "src/bench"], target: /^cloudflare:/, because: "src also runs in Node" },
  {
    from: ["src", "workers"],
    except: ["src/local", "src/bench", "src/testing", "src/cli"],
    target: /^node:/,
    because: "the product runs on workerd",
  },
  {
    from: ["src", "workers", "drizzle"],
    except: ["src/testing"],
    target: /^src\/testing\//,
    because: "it is for tests",
  },
  {
    from: ["src", "drizzle"],
    except: ["src/bench", "src/testing"],
    target: /^workers\//,
    because: "only workers/ may",
  },
  { from: ["src", "workers", "drizzle"], target: /\.(test|bench)\.ts$/, because: "tests are not for reuse" },
];

/** Tests stand beside what they test and may import anything, but workers/ only where they run in workerd. */
const TEST = /\.(test|bench)\.ts$/;
const WORKERD_TEST = /^workers\/.*\.test\.ts$|\.workers\.test\.ts$/;
const ROOTS = ["workers", "src", "drizzle"];

interface Layer {
  name: string;
  parts: readonly string[];
  apart?: true;
}

interface Ban {
  from: readonly string[];
  except?: readonly string[];
  target: RegExp;
  because: string;
}

export interface Violation {
  file: string;
  line: number;
  /** One sentence that begins with `file:line`. */
  message: string;
}

interface Edge {
  from: string;
  to: string;
  line: number;
  typeOnly: boolean;
}

/** Checks every TypeScript file under workers/, src/ and drizzle/ of the repository at `root`. */
export function architectureViolations(root: string): Violation[] {
  const files = ROOTS.flatMap((folder) => sourceFiles(root, folder));
  const violations: Violation[] = [];
  const edges: Edge[] = [];
  for (const file of files) {
    if (place(file.replace(TEST, ".ts")) === null)
      violations.push(violation(file, 1, "belongs to no layer of src/local/architecture.ts."));
    for (const { specifier, line, typeOnly } of importsOf(readFileSync(join(root, file), "utf8"))) {
      const relative = specifier.startsWith(".");
      const to = relative ? posix.join(posix.dirname(file), specifier.replace(/\?.*$/, "")) : specifier;
      const complaint =
        relative && !isFile(root, to)
          ? `imports ${to}, which is no file.`
          : complaintAbout({ from: file, to, line, typeOnly });
      if (complaint !== null) violations.push(violation(file, line, complaint));
      if (relative) edges.push({ from: file, to, line, typeOnly });
    }
  }
  return [...violations, ...cycles(files, edges)];
}

function complaintAbout({ from, to, typeOnly }: Edge): string | null {
  if (TEST.test(from)) {
    const allowed = !to.startsWith("workers/") || WORKERD_TEST.test(from);
    return allowed ? null : `imports ${to}, but only *.workers.test.ts run in workerd.`;
  }
  const ban = BANS.find((b) => b.from.some(holds(from)) && !b.except?.some(holds(from)) && b.target.test(to));
  if (ban !== undefined) return `imports ${to}, but ${ban.because}.`;
  const [source, target] = [place(from), place(to)];
  if (source === null || target === null) return null;
  if (target.level > source.level) {
    if (typeOnly && (to === SEAM.file || (from === SEAM.file && target.name === SEAM.layer))) return null;
    return `imports ${to}, which is above it: imports go from ${target.name} down to ${source.name}.`;
  }
  const apart = target.level === source.level && LAYERS[source.level]?.apart === true && target.part !== source.part;
  return apart ? `imports ${to}, but ${source.part} and ${target.part} do not import each other.` : null;
}

/** The shortest cycle through each file that lies on one, every file reported once. Type-only imports do not count. */
function cycles(files: readonly string[], edges: readonly Edge[]): Violation[] {
  const outgoing = Map.groupBy(
    edges.filter((edge) => !edge.typeOnly),
    (edge) => edge.from,
  );
  const reported = new Set<string>();
  const violations: Violation[] = [];
  for (const start of files.filter((file) => outgoing.has(file))) {
    const paths: Edge[][] = [[]];
    const seen = new Set<string>();
    for (const path of paths) {
      const last = path.at(-1);
      if (last?.to === start) {
        if (!path.some((edge) => reported.has(edge.from))) {
          const round = path.map((edge) => edge.to).join(" → ");
          violations.push(violation(start, path[0]?.line ?? 1, `begins an import cycle: ${start} → ${round}.`));
        }
        for (const edge of path) reported.add(edge.from);
        break;
      }
      for (const edge of outgoing.get(last?.to ?? start) ?? []) {
        if (seen.has(edge.to)) continue;
        seen.add(edge.to);
        paths.push([...path, edge]);
      }
    }
  }
  return violations;
}

function place(path: string): { level: number; name: string; part: string } | null {
  for (const [level, { name, parts }] of LAYERS.entries()) {
    const part = parts.find((candidate) => holds(path)(candidate));
    if (part !== undefined) return { level, name, part };
  }
  return null;
}

function holds(path: string): (part: string) => boolean {
  return (part) => path === part || path.startsWith(`${part}/`);
}

function inSrc(folder: string): string {
  return `src/${folder}`;
}

function violation(file: string, line: number, sentence: string): Violation {
  return { file, line, message: `${file}:${line} ${sentence}` };
}

function sourceFiles(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => posix.join(folder, name.replaceAll("\\", "/")))
    .sort();
}

function isFile(root: string, path: string): boolean {
  return statSync(join(root, path), { throwIfNoEntry: false })?.isFile() === true;
}
