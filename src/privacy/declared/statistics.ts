import type { Declared } from "../declared-type.ts";
import { aggregate, operational, processors, retention, seesAll, visit } from "./shorthand.ts";

/** What is counted of visitors and of all instances together. Nobody writes or reads these yet. */
export const websiteVisits: Declared<"websiteVisits"> = {
  what: "A page of the website that somebody opened; from 14 months on, nothing says who.",
  retention: "website-visits",
  anchor: { at: "column", columns: ["recorded_at"] },
  layout: { kind: "partitioned", by: "month" },
  subject: "visitor_id",
  key: ["id", "expires_at"],
  access: { ebb_maint: [seesAll] },
  holds: "honoured",
  recipients: processors,
  anonymise: { visitorId: "set-null", referrer: "set-null", browser: "set-null", language: "first-subtag" },
  columns: {
    id: visit,
    recordedAt: visit,
    visitorId: { ...visit, category: "Identifier" },
    path: visit,
    referrer: { ...visit, category: "BrowsingReferral" },
    language: { ...visit, category: "Language" },
    browser: { ...visit, category: "UserAgent" },
    anonymisedAt: operational,
    expiresAt: retention,
  },
};

export const activeInstanceCounts: Declared<"activeInstanceCounts"> = {
  what: "How many instances of a version were active on a day, of all tenants together and never fewer than ten.",
  retention: "aggregates",
  anchor: { at: "bucket", column: "day", granularity: "day" },
  layout: { kind: "partitioned", by: "month" },
  subject: null,
  key: ["day", "version", "expires_at"],
  access: { ebb_maint: [seesAll] },
  holds: "ignored",
  recipients: processors,
  columns: { day: aggregate, version: aggregate, instances: aggregate, expiresAt: retention },
};
