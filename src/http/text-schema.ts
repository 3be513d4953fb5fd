import * as z from "zod";

/** Text of a bounded length without control characters: of those, Postgres cannot store U+0000. */
export function plainText(maxLength: number) {
  return (
    z
      .string()
      .max(maxLength)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
      .regex(/^[^\u0000-\u001f\u007f]*$/)
  );
}
