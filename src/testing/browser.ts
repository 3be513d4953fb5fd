/** A browser as far as signing in needs one: cookies by origin, redirects by hand. */
export class Browser {
  readonly #cookies = new Map<string, Map<string, string>>();
  readonly #send: (request: Request) => Promise<Response>;

  /** `send` answers what goes to our origin; all else goes out. */
  constructor(send: (request: Request) => Promise<Response>) {
    this.#send = send;
  }

  cookie(url: string, name: string): string | undefined {
    return this.#jar(url).get(name);
  }

  setCookie(url: string, name: string, value: string): void {
    this.#jar(url).set(name, value);
  }

  async open(url: string, init: RequestInit = {}, ours = false): Promise<Response> {
    const headers = new Headers(init.headers);
    const cookies = [...this.#jar(url)].map(([name, value]) => `${name}=${value}`).join("; ");
    if (cookies !== "") headers.set("cookie", cookies);
    const request = new Request(url, { ...init, headers, redirect: "manual" });
    const response = ours ? await this.#send(request) : await fetch(request);
    for (const line of response.headers.getSetCookie()) {
      const [pair = "", ...attributes] = line.split(";").map((part) => part.trim());
      const name = pair.slice(0, pair.indexOf("="));
      const ended = attributes.some((attribute) => /^(max-age=0|expires=Thu, 01 Jan 1970.*)$/i.test(attribute));
      if (ended) this.#jar(url).delete(name);
      else this.#jar(url).set(name, pair.slice(pair.indexOf("=") + 1));
    }
    return response;
  }

  #jar(url: string): Map<string, string> {
    const { origin } = new URL(url);
    const jar = this.#cookies.get(origin) ?? new Map<string, string>();
    this.#cookies.set(origin, jar);
    return jar;
  }
}
