import * as z from "zod";
import { parseId } from "../core/id.ts";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { givenId } from "./given-id.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";

const Ended = z.looseObject({ id: z.string(), effective: z.boolean() });

export const signInEndCommand: Command = {
  name: "sign-in end",
  summary: "end somebody's sign-in on an instance",
  argument: { name: "sign_in_id", what: "which sign-in, as sign-in list shows it" },
  options: {
    instance: { type: "string", value: "ins_…", required: true, what: "the instance on which it is" },
    tenant: TENANT_OPTION,
  },
  example: "sign-in end fam_01KAHJ9999K1M2N3P4Q5R6S7T8 --instance ins_01KAHJ2E8K6TQ0V3W5Z9Y7X4RC",
  run: async (call) => {
    const id = givenId(call.argument, "tokenFamily", "sign-in end", "sign-in list");
    const instance = call.options.text("instance");
    if (instance === null || parseId("instance", instance) === null) {
      throw new UsageFailure(
        "--instance is the id of an instance, such as ins_01J…: npm run ebb -- instance list shows them.",
      );
    }
    const api = new Api(call.configuration, chosenTenant(call));
    const ended = await api.delete(`/api/v1/instances/${instance}/sign-ins/${id}`, Ended);
    return {
      json: ended,
      text: [
        `${id} has ended: its person signs in on ${instance} again, or not at all.`,
        ...(ended.effective ? [] : ["Its gate has not acknowledged it yet: that is tried again."]),
      ],
    };
  },
};
