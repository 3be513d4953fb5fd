import * as z from "zod";
import { FATES, type Fate } from "../registration-keys/revoke.ts";
import { Api } from "./api.ts";
import type { Command } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { givenId } from "./given-id.ts";
import { chosenTenant, TENANT_OPTION } from "./key-tenant.ts";
import { RegistrationKey } from "./registration-key-list.ts";
import { counted } from "./table.ts";

const Revoked = z.looseObject({
  id: z.string(),
  revoked_at: z.number(),
  instances_ended: z.number(),
  instances_remaining: z.number(),
  effective: z.boolean(),
});

const DONE = { revoke: "revoked", remove: "removed" } as const;

export const registrationKeyRevokeCommand: Command = {
  name: "registration-key revoke",
  summary: "revoke a registration key, and on request its instances with it",
  notes: [
    "Nobody registers with it any more. Its instances stay unless --instances says otherwise: revoke ends their secrets, their tokens and the sign-ins on them, remove also takes them out of the list. Their programs must register anew.",
  ],
  argument: { name: "registration_key_id", what: "which key, as registration-key list shows it" },
  options: {
    instances: { type: "string", value: FATES.join("|"), what: "what becomes of its instances (keep when left out)" },
    yes: { type: "boolean", what: "do it without saying first how many instances that ends" },
    tenant: TENANT_OPTION,
  },
  example: "registration-key revoke rgk_01KAHJ5555X6Y7Z8A9B0C1D2E3 --instances revoke --yes",
  run: async (call) => {
    const id = givenId(call.argument, "registrationKey", "registration-key revoke", "registration-key list");
    const instances = call.options.choice("instances", FATES) ?? "keep";
    const api = new Api(call.configuration, chosenTenant(call));
    if (instances !== "keep" && !call.options.flag("yes")) await refuseUnconfirmed(api, id, instances);
    const total = { ended: 0, remaining: 0 };
    let revoked: z.infer<typeof Revoked>;
    do {
      revoked = await api.post(`/api/v1/registration-keys/${id}/revoke`, { instances }, Revoked);
      total.ended += revoked.instances_ended;
      if (revoked.instances_remaining > 0) call.progress(`… ${counted(total.ended, "instance")} so far`);
    } while (revoked.instances_remaining > 0 && revoked.instances_ended > 0);
    return {
      json: { ...revoked, instances_ended: total.ended },
      text: [
        `${id} is revoked: nothing registers with it any more.`,
        instances === "keep"
          ? "The instances that registered with it stay."
          : `${counted(total.ended, "instance")} that registered with it ${total.ended === 1 ? "is" : "are"} ${DONE[instances]}.`,
        ...(revoked.effective ? [] : ["The gate has not acknowledged all of it yet: that is tried again."]),
      ],
    };
  },
};

/** Says what would be done, and leaves it. */
async function refuseUnconfirmed(api: Api, id: string, fate: Exclude<Fate, "keep">): Promise<never> {
  const key = (await api.all("/api/v1/registration-keys", RegistrationKey)).find((one) => one.id === id);
  if (key === undefined) throw new UsageFailure(`${id} is no registration key that this key may see.`);
  throw new UsageFailure(
    `${counted(key.uses, "instance")} registered with “${key.name}”: to ${fate} all that are left of them, for good, add --yes.`,
  );
}
