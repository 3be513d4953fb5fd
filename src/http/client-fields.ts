import * as z from "zod";

/** How a client names and proves itself in a form, where it does not by HTTP Basic. */
export const clientFields = {
  client_id: z.string().max(200).nullish(),
  client_secret: z.string().max(200).nullish().describe("Omitted by a public client."),
};

export const CLIENT_EXAMPLE = { client_id: "ebbc_…", client_secret: "…" };
