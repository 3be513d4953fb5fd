import * as z from "zod";
import type { Command } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { tenantOption, tenantToChange, unseen } from "./limits-tenant.ts";
import { printable } from "./terminal.ts";

const Brand = z.looseObject({ name: z.string() });

export const tenantBrandCommand: Command = {
  name: "tenant brand",
  summary: "set how a reseller appears to its clients",
  notes: [
    "A reseller is the controller of its clients' data: they see whom to ask. With --remove its name alone shows.",
  ],
  options: {
    tenant: tenantOption("reseller"),
    name: { type: "string", value: "text", what: "the name that clients see" },
    logo: { type: "string", value: "https://…", what: "the address of a logo" },
    contact: { type: "string", value: "text", what: "whom to ask" },
    privacy: { type: "string", value: "text", what: "whom to ask about personal data" },
    remove: { type: "boolean", what: "appear by the tenant's name alone" },
  },
  example: 'tenant brand --tenant reseller --name "Northwind" --privacy privacy@northwind.example',
  run: async (call) => {
    const { options } = call;
    const { api, id } = tenantToChange(call, "reseller", "tenant brand");
    const path = `/api/v1/tenants/${id}/brand`;
    const meanings = { ...unseen(id), conflict: "Only a reseller has a brand, and not a closed one" };
    if (options.flag("remove")) {
      await api.delete(path, z.null(), meanings);
      return { json: { object: "tenant", id, brand: null }, text: [`${id} appears by its name alone.`] };
    }
    const name = options.text("name");
    if (name === null) throw new UsageFailure("tenant brand needs a --name, or --remove.");
    const brand = await api.put(
      path,
      {
        name,
        logo_url: options.text("logo"),
        contact: options.text("contact"),
        privacy_contact: options.text("privacy"),
      },
      Brand,
      meanings,
    );
    return { json: brand, text: [`To its clients ${id} is ${printable(brand.name)}.`] };
  },
};
