import { parseId } from "../core/id.ts";
import { holdableClasses } from "../retention/place-hold.ts";
import { Api } from "./api.ts";
import type { Command, Options } from "./command.ts";
import { UsageFailure } from "./failure.ts";
import { seededTenant, tenantOption } from "./limits-tenant.ts";
import { Hold, heldText, holdText, ownersAlone } from "./retention-hold-text.ts";

export const retentionHoldPlaceCommand: Command = {
  name: "retention hold place",
  summary: "keep the purge away from a tenant, a person, an instance or a class of data",
  notes: [
    "At least one of --tenant, --subject and --class: what lies in all that are given is held, until retention hold release. Nobody reads what has expired and is only held.",
    "For keys of the platform owner with the permission holds:write.",
  ],
  options: {
    tenant: tenantOption("any"),
    subject: { type: "string", value: "per_…|ins_…", what: "the person or the instance whom it is about" },
    class: { type: "string", value: "class", what: "the class of data, as retention names it" },
    reason: { type: "string", value: "text", required: true, what: "why, in at most 500 characters" },
    review: {
      type: "string",
      value: "YYYY-MM-DD",
      required: true,
      what: "when it is to be looked at again, at most 24 months ahead",
    },
  },
  example: 'retention hold place --tenant client --class security-events --reason "Case 2026-114" --review 2027-05-20',
  run: async (call) => {
    const { options, configuration, now, style } = call;
    const subject = subjectOf(options);
    const retentionClass = options.choice("class", holdableClasses());
    const review = reviewOf(options);
    if (options.text("tenant") === null && subject === null && retentionClass === null) {
      throw new UsageFailure("retention hold place needs at least one of --tenant, --subject and --class.");
    }
    const api = new Api(configuration, "operator");
    const tenant = seededTenant(call);
    const hold = await api.post(
      "/api/v1/retention/holds",
      {
        tenant_id: tenant,
        subject_id: subject,
        retention_class: retentionClass,
        reason: options.text("reason"),
        review_at: review,
      },
      Hold,
      { ...ownersAlone("holds:write"), "not-found": `There is no tenant ${tenant}` },
    );
    return {
      json: hold,
      text: [`From now on the purge leaves ${heldText(hold)} alone.`, "", ...holdText(hold, now(), style)],
    };
  },
};

function subjectOf(options: Options): string | null {
  const subject = options.text("subject");
  if (subject === null || parseId("person", subject) !== null || parseId("instance", subject) !== null) return subject;
  throw new UsageFailure("--subject is the id of a person or of an instance, such as per_01J… or ins_01J….");
}

/** The start of that day in UTC, in seconds since 1970. */
function reviewOf(options: Options): number {
  const text = options.text("review") ?? "";
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  // A day that there is not, such as 30 February, is moved on by some parsers.
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== text) {
    throw new UsageFailure("--review is a day such as 2027-05-20.");
  }
  return ms / 1000;
}
