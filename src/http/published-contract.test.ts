import { describe, expect, it } from "vitest";
import { routesOf, VERSION } from "../app.ts";
import type { Deps } from "../deps.ts";
import { type Document, differences } from "../testing/contract/compare.ts";
import { DEVIATIONS, LATER } from "../testing/contract/deviations.ts";
import { contractDocuments } from "../testing/contract/files.ts";
import { openApiDocument } from "./openapi.ts";

/** Our document against the published ones: nothing missing or narrower but what the deviations name. */

const contract = contractDocuments();
const sentence = ({ operation, what }: { operation: string; what: string }) => `${operation}: ${what}`;

describe.skipIf(contract === null)("/openapi.json (skipped where ../shared/contracts is not there)", () => {
  // Of all deps routes are built with these two, and call them only when asked.
  const routes = routesOf({} as Pick<Deps, "jobs" | "clock">);
  const ours = openApiDocument(routes, { publicUrl: "https://ebb.example", version: VERSION }) as unknown as Document;
  const found = Object.values(contract ?? {}).flatMap((theirs) => differences(ours, theirs as Document));

  it("is a superset of both published documents, but for the deviations and what comes later", () => {
    const missing = found.filter(({ operation, what }) => what === "is not there" && LATER.includes(operation));
    expect([...new Set(missing.map(({ operation }) => operation))].toSorted()).toEqual(LATER.toSorted());
    const rest = found.filter((difference) => !missing.includes(difference)).map(sentence);
    expect([...new Set(rest)].toSorted()).toEqual(DEVIATIONS.map(sentence).toSorted());
  });

  it("the comparison sees what is missing, narrower or other than it was published", () => {
    const theirs = (contract as NonNullable<typeof contract>)["public-api.yaml"] as Document;
    const changed = (change: (copy: Document) => void) => {
      const copy = structuredClone(theirs);
      change(copy);
      return differences(copy, theirs).map(sentence);
    };
    const at = (copy: Document, path: string, method: string) => copy.paths[path]?.[method] as Record<string, never>;
    const schema = (copy: Document, name: string) => copy.components.schemas?.[name] as Record<string, never>;
    expect(changed(() => undefined)).toEqual([]);
    expect(changed((copy) => delete copy.paths["/api/v1/team"])).toEqual(["GET /api/v1/team: is not there"]);
    expect(changed((copy) => delete (at(copy, "/api/v1/team", "get") as never)["responses"]["200"])).toEqual([
      "GET /api/v1/team: answer 200 is not there",
    ]);
    expect(changed((copy) => delete (schema(copy, "Team")["properties"] as never)["email"])).toContain(
      "GET /api/v1/team: answer 200 /email: is not there",
    );
    expect(
      changed((copy) => Object.assign(schema(copy, "Team")["properties"] as never, { created_at: { type: "string" } })),
    ).toContain("GET /api/v1/team: answer 200 /created_at: string is not integer");
    expect(changed((copy) => Object.assign(schema(copy, "Team"), { required: ["object"] }))).toContain(
      "GET /api/v1/team: answer 200 /email: may be missing",
    );
    expect(
      changed((copy) => Object.assign(schema(copy, "TeamUserRole"), { enum: ["admin", "member", "owner"] })).join(),
    ).toContain("answer 200 []/role: other values than");
    expect(
      changed((copy) =>
        Object.assign(schema(copy, "VoucherClaimCreate"), {
          required: ["code", "captcha"],
          properties: { code: { type: "string" }, captcha: { type: "string" } },
        }),
      ),
    ).toEqual(["POST /api/v1/user/billing/voucher-claims: body /captcha: may be missing"]);
    expect(
      changed((copy) =>
        Object.assign(at(copy, "/oauth2/device/deny", "post"), {
          parameters: [{ name: "other", in: "query", required: true, schema: { type: "string" } }],
        }),
      ),
    ).toEqual([
      "POST /oauth2/device/deny: parameter user_code is not there",
      "POST /oauth2/device/deny: parameter other is needed",
    ]);
  });
});
