import * as z from "zod";
import { parseId } from "../core/id.ts";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { CommandFailure, UsageFailure } from "./failure.ts";
import { Instance } from "./instance-list.ts";
import { formatSeconds, formatTable } from "./table.ts";
import type { Style } from "./terminal.ts";

const Ping = z.looseObject({
  kind: z.string(),
  day: z.string(),
  expires_at: z.number(),
  os: z.object({ kind: z.string().nullable(), name: z.string().nullable(), version: z.string().nullable() }),
});
type Ping = z.infer<typeof Ping>;

export const pingsCommand: Command = {
  name: "pings",
  summary: "show what is kept of an instance's pings, newest first",
  notes: ["One a day, for 30 days. A ping appears here some seconds after it was acknowledged."],
  argument: { name: "instance_id", what: "whose pings; the newest instance's when left out" },
  example: "pings",
  run: async ({ argument, configuration, style }) => {
    if (argument !== null && parseId("instance", argument) === null) {
      throw new UsageFailure(
        "pings takes the id of an instance, such as ins_01J…: npm run ebb -- instance list shows them.",
      );
    }
    const api = new Api(configuration, "direct");
    const instance = argument ?? (await api.all("/api/v1/instances", Instance)).at(-1)?.id;
    if (instance === undefined) throw new CommandFailure("No instance has registered yet.");
    const pings = await api.all(`/api/v1/instances/${instance}/pings`, Ping);
    return { json: { instance_id: instance, pings }, text: pingsText(instance, pings, style) };
  },
};

export function pingsText(instance: string, pings: readonly Ping[], style?: Style): string[] {
  if (pings.length === 0) {
    return [`Nothing is kept of ${instance} yet: a ping appears some seconds after it was acknowledged.`];
  }
  return [
    instance,
    "",
    ...formatTable(
      [{ title: "DAY" }, { title: "KIND" }, { title: "OS" }, { title: "EXPIRES (UTC)" }],
      pings.map(({ day, kind, os, expires_at }) => [
        day,
        kind,
        [os.kind, os.name, os.version].filter((part) => part !== null).join(" ") || "–",
        formatSeconds(expires_at),
      ]),
      style,
    ),
  ];
}
