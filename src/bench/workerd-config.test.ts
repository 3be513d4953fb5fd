import { expect, test } from "vitest";
import { workerdConfig } from "./workerd-config.ts";

const bundle = { module: "/tmp/out/index.js", compatibilityDate: "2026-10-15", compatibilityFlags: ["nodejs_compat"] };

test("each service has its own socket, its own SQLite objects and its text bindings", () => {
  const config = workerdConfig(
    [
      { name: "a", bundle, classes: { GATE: "Gate" }, text: { KEYS: '{"current": 1}' } },
      { name: "b", bundle, classes: {}, text: {} },
    ],
    "/tmp",
  );
  expect(config).toContain('(className = "Gate", uniqueKey = "bench-a-Gate", enableSql = true)');
  expect(config).toContain('(name = "KEYS", text = "{\\"current\\": 1}")');
  expect(config).toContain('esModule = embed "out/index.js"');
  expect(config.match(/address = "127\.0\.0\.1:0"/g)).toHaveLength(2);
});

test("a value that the format cannot say is refused", () => {
  expect(() => workerdConfig([{ name: "a", bundle, classes: {}, text: { KEYS: "\u0001" } }], "/")).toThrow(RangeError);
});
