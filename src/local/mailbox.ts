import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import * as z from "zod";
import { html, type Markup } from "../http/pages/markup.ts";
import { listen, stopListening } from "./loopback-server.ts";
import { STAND_IN_HEADERS, standInPage } from "./stand-in-page.ts";

export interface Mailbox {
  /** The page that lists what came. */
  url: string;
  port: number;
  /** What the Worker is bound to as MAIL_LOCAL_ENDPOINT; its last part is a secret of this start. */
  endpoint: string;
  stop(): Promise<void>;
}

const Letter = z.object({ to: z.string(), subject: z.string(), text: z.string(), html: z.string() });
const MOST_BYTES = 256 * 1024;
/** The page shows this many, newest first; the folder keeps all. */
const SHOWN = 50;

/** Takes the mail of this machine into a folder, a file each in the form of RFC 5322, and shows it. Nothing is sent. */
export async function startMailbox({ folder, port }: { folder: string; port?: number }): Promise<Mailbox> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const secret = `/messages/${randomBytes(16).toString("base64url")}`;
  let count = 0;
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.writeHead(500).end());
  });
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.method === "POST" && request.url === secret) {
      const letter = Letter.safeParse(await jsonOf(request));
      if (!letter.success) return void response.writeHead(400).end();
      count += 1;
      const name = `${new Date().toISOString().replaceAll(/[:.]/g, "-")}-${count}.eml`;
      await writeFile(join(folder, name), asFile(letter.data), { mode: 0o600 });
      return void response.writeHead(204).end();
    }
    // A name that was bound to this address could read along otherwise.
    const isOurs = /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? "");
    if (request.method !== "GET" || request.url !== "/" || !isOurs) return void response.writeHead(404).end();
    response.writeHead(200, STAND_IN_HEADERS).end(await listPage(folder));
  };
  const listening = await listen(server, port);
  const url = `http://127.0.0.1:${listening}`;
  return { url, port: listening, endpoint: url + secret, stop: () => stopListening(server) };
}

async function jsonOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MOST_BYTES) return null;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return null;
  }
}

/** The plain text of a letter behind its headers, as mail programs open it. */
function asFile({ to, subject, text }: z.infer<typeof Letter>): string {
  const line = (value: string) => value.replaceAll(/[\r\n]+/g, " ");
  const headers = [`To: ${line(to)}`, `Subject: ${line(subject)}`, `Date: ${new Date().toUTCString()}`];
  return [...headers, "Content-Type: text/plain; charset=utf-8", "", text].join("\r\n");
}

async function listPage(folder: string): Promise<string> {
  const names = (await readdir(folder))
    .filter((name) => name.endsWith(".eml"))
    .toSorted()
    .toReversed();
  const letters = await Promise.all(
    names.slice(0, SHOWN).map(async (name) => ({ name, content: await readFile(join(folder, name), "utf8") })),
  );
  const body =
    letters.length === 0
      ? html`<p class="soft">Nothing has come yet.</p>`
      : html`${letters.map(({ name, content }) => letterSection(name, content))}`;
  return standInPage(
    "Mail of this machine",
    html`<p class="soft">Newest first. Nothing of it was sent; the files are in <code>${folder}</code>.</p>${body}`,
  );
}

function letterSection(name: string, content: string): Markup {
  const end = content.indexOf("\r\n\r\n");
  const header = (field: string) => new RegExp(`^${field}: (.*)$`, "m").exec(content.slice(0, end))?.[1]?.trim() ?? "";
  const parts = content.slice(end + 4).split(/(http:\/\/[^\s]+)/);
  // Links to this machine alone become links: a letter holds what people have typed.
  const text = parts.map((part) =>
    /^http:\/\/(127\.0\.0\.1|localhost):\d+\//.test(part) ? html`<a href="${part}">${part}</a>` : html`${part}`,
  );
  return html`<section><h2>${header("Subject")}</h2><p class="soft small">To ${header("To")} · ${header("Date")} · ${name}</p>
<div style="white-space:pre-wrap;overflow-wrap:anywhere">${text}</div></section>
`;
}
