import { join, relative } from "node:path";
import type { Bundle } from "./bundle.ts";

/** A Worker to serve, with Durable Objects of its own in SQLite on disk. */
export interface Service {
  name: string;
  bundle: Bundle;
  /** Durable Object classes by the name of their binding. */
  classes: Readonly<Record<string, string>>;
  /** Text bindings. */
  text: Readonly<Record<string, string>>;
}

/** The folder of the Durable Objects. */
export const DISK = "durable-objects";

/**
 * The Cap'n Proto configuration of one workerd process that serves each of these on a free port of 127.0.0.1 (workerd.capnp).
 * Its file is to be in `folder`, where Durable Objects are stored too, in DISK. Workers may reach this machine and nothing else.
 */
export function workerdConfig(services: readonly Service[], folder: string): string {
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    ${services.map((one) => service(one, folder)).join(",\n    ")},
    (name = "internet", network = (allow = ["local"])),
    (name = "disk", disk = (path = ${text(join(folder, DISK))}, writable = true))
  ],
  sockets = [
    ${services.map(({ name }) => `(name = ${text(name)}, address = "127.0.0.1:0", http = (), service = ${text(name)})`).join(",\n    ")}
  ]
);
`;
}

/** `embed` takes a path from the folder of the file. */
function service({ name, bundle, classes, text: values }: Service, folder: string): string {
  const bindings = [
    ...Object.entries(classes).map(
      ([binding, className]) => `(name = ${text(binding)}, durableObjectNamespace = ${text(className)})`,
    ),
    ...Object.entries(values).map(([binding, value]) => `(name = ${text(binding)}, text = ${text(value)})`),
  ];
  const namespaces = Object.values(classes).map(
    (className) =>
      `(className = ${text(className)}, uniqueKey = ${text(`bench-${name}-${className}`)}, enableSql = true)`,
  );
  return `(name = ${text(name)}, worker = (
      modules = [(name = "worker.js", esModule = embed ${text(relative(folder, bundle.module))})],
      compatibilityDate = ${text(bundle.compatibilityDate)},
      compatibilityFlags = [${bundle.compatibilityFlags.map(text).join(", ")}],
      durableObjectNamespaces = [${namespaces.join(", ")}],
      durableObjectStorage = (localDisk = "disk"),
      bindings = [${bindings.join(", ")}]
    ))`;
}

/** A string literal of Cap'n Proto, which knows C's escapes but not JSON's `\u`. */
function text(value: string): string {
  const literal = JSON.stringify(value);
  if (literal.includes("\\u")) throw new RangeError("a control character in the configuration");
  return literal;
}
