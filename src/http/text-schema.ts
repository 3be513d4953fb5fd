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

/** A name that is shown to people: nothing in it that is unseen, or turns or hides what stands beside it. */
export function shownName(maxLength: number) {
  return z
    .string()
    .max(maxLength)
    .regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u);
}

/** An e-mail address, as far as its form tells: the mail that arrives proves it. */
export const emailAddress = z
  .string()
  .max(254)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
  .regex(/^[^@\s\u0000-\u001f\u007f]+@[^@\s\u0000-\u001f\u007f]+$/);
