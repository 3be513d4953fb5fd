import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { localMailer } from "../mail/mailer.ts";
import { startMailbox } from "./mailbox.ts";

test("mail becomes a file and a line of the page, and nobody puts a header or markup into either", async () => {
  const folder = await mkdtemp(join(tmpdir(), "ebb-mail-"));
  const mailbox = await startMailbox({ folder });
  onTestFinished(async () => {
    await mailbox.stop();
    await rm(folder, { recursive: true });
  });
  const text = "Hello <script>\n\nhttp://127.0.0.1:8787/invitation?token=x and https://evil.example/\n";
  const message = { to: "ada@acme.example\r\nBcc: x@evil.example", subject: "<b>Hi</b>", text, html: "<p>" };
  await localMailer(mailbox.endpoint).send(message);
  const [name = "", ...others] = await readdir(folder);
  expect(others).toEqual([]);
  expect(await readFile(join(folder, name), "utf8")).toMatch(
    /^To: ada@acme\.example Bcc: x@evil\.example\r\nSubject: <b>Hi<\/b>\r\nDate: .+\r\nContent-Type: .+\r\n\r\nHello/,
  );
  const page = await (await fetch(mailbox.url)).text();
  expect(page).toContain("&lt;b&gt;Hi&lt;/b&gt;");
  expect(page).toContain('<a href="http://127.0.0.1:8787/invitation?token=x">');
  for (const never of ["<script", 'href="https://evil', mailbox.endpoint]) expect(page).not.toContain(never);

  // Without the secret of this start, too large, of another form.
  const post = (url: string, body: string) => fetch(url, { method: "POST", body });
  expect((await post(`${mailbox.url}/messages/guess`, JSON.stringify(message))).status).toBe(404);
  expect((await post(mailbox.endpoint, JSON.stringify({ ...message, text: "x".repeat(300_000) }))).status).toBe(400);
  await expect(localMailer(mailbox.endpoint).send({ to: "x" } as typeof message)).rejects.toThrow("answered 400");
  expect(await readdir(folder)).toHaveLength(1);
});
