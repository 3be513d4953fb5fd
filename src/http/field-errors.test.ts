import { describe, expect, it } from "vitest";
import * as z from "zod";
import { fieldErrors } from "./field-errors.ts";

function errorsOf(schema: z.ZodType, value: unknown) {
  const result = schema.safeParse(value);
  return result.success ? [] : fieldErrors(result.error.issues, value);
}

const Body = z.object({
  name: z.string().min(2).max(4),
  os: z.object({ kind: z.enum(["linux", "macos"]), cores: z.int().min(1).max(512) }).optional(),
  mail: z.email().optional(),
  list: z
    .array(z.object({ id: z.string() }))
    .max(2)
    .optional(),
  map: z.record(z.string(), z.int()).optional(),
  either: z.union([z.null(), z.object({ deep: z.object({ id: z.string() }) })]).optional(),
  form: z.discriminatedUnion("t", [z.object({ t: z.literal("a") }), z.object({ t: z.literal("b") })]).optional(),
  own: z
    .string()
    .refine(() => false, "own words")
    .optional(),
});

describe("fieldErrors", () => {
  it.each([
    [{}, "name", "is required"],
    [{ name: 3 }, "name", "must be a string"],
    [{ name: null }, "name", "must be a string"],
    [{ name: "SECRET" }, "name", "must be at most 4 characters long"],
    [{ name: "S" }, "name", "must be at least 2 characters long"],
    [{ name: "ok", os: 7 }, "os", "must be an object"],
    [{ name: "ok", os: { kind: "SECRET", cores: 1 } }, "os.kind", "must be one of: linux, macos"],
    [{ name: "ok", os: { cores: 1 } }, "os.kind", "is required"],
    [{ name: "ok", os: { kind: "linux", cores: 1.5 } }, "os.cores", "must be an integer"],
    [{ name: "ok", os: { kind: "linux", cores: 0 } }, "os.cores", "must be at least 1"],
    [{ name: "ok", mail: "SECRET" }, "mail", "must be in the format: email"],
    [{ name: "ok", list: [{ id: "a" }, { id: 1 }] }, "list.1.id", "must be a string"],
    [{ name: "ok", list: [1, 2, 3].map(() => ({ id: "a" })) }, "list", "must be at most 2 entries long"],
    [{ name: "ok", map: { "SECRET key\r\n<b>": "x" } }, "map.*", "must be a number"],
    [{ name: "ok", either: { deep: { id: 1 } } }, "either.deep.id", "must be a string"],
    [{ name: "ok", either: "SECRET" }, "either", "has none of the allowed forms"],
    [{ name: "ok", form: { t: "SECRET" } }, "form.t", "has none of the allowed forms"],
    [{ name: "ok", own: "SECRET" }, "own", "is not allowed"],
    [[], "", "must be an object"],
  ])("%j → %s %s", (value, path, message) => {
    const errors = errorsOf(Body, value);
    expect(errors).toEqual([{ path, message }]);
    expect(JSON.stringify(errors)).not.toContain("SECRET");
  });

  it("stops at twenty", () => {
    expect(
      errorsOf(
        z.array(z.string()),
        Array.from({ length: 500 }, () => 1),
      ),
    ).toHaveLength(20);
  });
});
